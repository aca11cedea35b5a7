"""Names that objects in the cluster carry; the one place where they are spelt."""

from __future__ import annotations

import hashlib
from typing import Final

GROUP: Final = "truststream.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

# On the target Deployment.
CANARY_LABEL: Final = f"{GROUP}/canary"  # enabled | promoting | off
ENABLED: Final = "enabled"
PROMOTING: Final = "promoting"
OFF: Final = "off"
HELD_ANNOTATION: Final = f"{GROUP}/held"  # set by the admission policy: "template"

# On pods of the target and of the canary.
ROLE_LABEL: Final = f"{GROUP}/role"
STABLE: Final = "stable"
CANARY: Final = "canary"

# On a Service whose selector is pinned: the role it is pinned on.
PIN_ANNOTATION: Final = f"{GROUP}/pin"

# On a route whose backends are held against GitOps: the rule's name (or index); "off" ends it.
RULE_ANNOTATION: Final = f"{GROUP}/rule"

# On objects that we make: the CanaryDeployment they belong to, and the hash of the template judged.
OWNER_LABEL: Final = f"{GROUP}/canarydeployment"
TEMPLATE_ANNOTATION: Final = f"{GROUP}/template-hash"

# On the CanaryDeployment.
FINALIZER: Final = f"{GROUP}/restore"
COMMAND_ANNOTATION: Final = f"{GROUP}/command"
COMMAND_REASON_ANNOTATION: Final = f"{GROUP}/command-reason"
COMMAND_BY_ANNOTATION: Final = f"{GROUP}/command-by"  # stamped by an admission policy
EJECTED_ANNOTATION: Final = f"{GROUP}/ejected"  # left alone by the operator until it is gone

# On the FeatureFlag. Consent is asked for by naming the generation; who gave it is stamped by an admission policy.
APPROVE_ANNOTATION: Final = f"{GROUP}/approve"
APPROVE_BY_ANNOTATION: Final = f"{GROUP}/approve-by"  # stamped
APPROVE_GROUPS_ANNOTATION: Final = f"{GROUP}/approve-groups"  # stamped: the giver's groups, of those that count
CHANGED_BY_ANNOTATION: Final = f"{GROUP}/changed-by"  # stamped whenever the spec changes
CHANGED_WITH_ANNOTATION: Final = f"{GROUP}/changed-with"  # stamped: who else did since the operator looked, one a line

# On a ConfigMap whose keys are segments of its namespace.
SEGMENTS_LABEL: Final = f"{GROUP}/segments"

FIELD_MANAGER: Final = "truststream"
RESTARTED_AT: Final = "kubectl.kubernetes.io/restartedAt"

# What Kubernetes takes as the name of a Service, and of a Deployment.
SERVICE_NAME: Final = "^[a-z]([-a-z0-9]*[a-z0-9])?$"
SUBDOMAIN_NAME: Final = "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"
METRIC_NAME: Final = "^[a-zA-Z_][-.a-zA-Z0-9_]*$"

_LIMIT = 63


def canary_name(target: str) -> str:
    """`<target>-canary`, shortened with a hash when that would not fit a DNS label."""
    name = f"{target}-canary"
    if len(name) <= _LIMIT:
        return name
    digest = hashlib.sha256(target.encode()).hexdigest()[:8]
    return f"{target[: _LIMIT - len('-canary') - 9]}-{digest}-canary"
