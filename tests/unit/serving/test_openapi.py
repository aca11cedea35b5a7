"""The document says what the application does, and is one."""

from __future__ import annotations

from importlib.resources import files

import yaml
from openapi_spec_validator import validate
from starlette.routing import Route

from tests.fakes.serving_world import World
from truststream.serving.http import events, ofrep
from truststream.serving.http.app import Parts, _routes
from truststream.serving.http.exposures import routes

DOCUMENT = yaml.safe_load(files("truststream.serving.http").joinpath("openapi.yaml").read_text())


async def test_it_is_valid_and_served() -> None:
    validate(DOCUMENT)
    answer = await World().ask("GET", "/openapi.yaml")
    assert (answer.status, yaml.safe_load(answer.body)) == (200, DOCUMENT)


async def test_it_names_every_path_and_method() -> None:
    world = World()
    parts = Parts(world.configuration, world.catalog, world.gate, world.recorder, world.streams)
    found = {(ofrep.PREFIX, "post"), (f"{ofrep.PREFIX}/{{key}}", "post"), (events.PATH, "get")}
    for route in [*_routes(parts), *routes(world.catalog, world.gate, None)]:
        assert isinstance(route, Route)
        found |= {(route.path.replace(":path", ""), method.lower()) for method in (route.methods or set()) - {"HEAD"}}
    assert found == {(path, method) for path, item in DOCUMENT["paths"].items() for method in item}
