"""Prints the messages of the provider's own stubs: a name, then its fields with number, type and label."""

import importlib
import json

MODULES = ("flagd.sync.v1.sync_pb2", "flagd.evaluation.v1.evaluation_pb2", "flagd.evaluation.v2.evaluation_pb2")


def told(file: object) -> dict[str, object]:
    messages = {
        message.full_name: sorted(
            [field.number, field.name, field.type, bool(field.is_repeated), field.has_presence]
            for field in message.fields
        )
        for message in file.message_types_by_name.values()  # type: ignore[attr-defined]
    }
    services = {
        method.full_name: [method.input_type.full_name, method.output_type.full_name, method.server_streaming]
        for service in file.services_by_name.values()  # type: ignore[attr-defined]
        for method in service.methods
    }
    return {**messages, **services}


if __name__ == "__main__":
    found: dict[str, object] = {}
    for name in MODULES:
        found |= told(importlib.import_module(f"openfeature.schemas.protobuf.{name}").DESCRIPTOR)
    print(json.dumps(found))
