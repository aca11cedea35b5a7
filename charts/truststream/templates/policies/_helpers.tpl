{{/*
Conditions and variables that several policies share. Every map is read with `?` and `orValue`: an expression
that fails under failurePolicy Fail would refuse the very request that repairs something.
*/}}

{{- define "truststream.notOperator" -}}
- name: not-the-operator
  expression: request.userInfo.username != {{ include "truststream.user" . | quote }}
{{- end }}

{{/*
What a request says about a Deployment. The old object decides what the Deployment *is*: no request may
relabel its way out of the hold that judges it.
*/}}
{{- define "truststream.deploymentVariables" -}}
- name: operator
  expression: request.userInfo.username == {{ include "truststream.user" . | quote }}
- name: label
  expression: object.metadata.?labels[?"truststream.dev/canary"].orValue("")
- name: oldLabel
  expression: oldObject.metadata.?labels[?"truststream.dev/canary"].orValue("")
- name: managed
  expression: variables.oldLabel in ["enabled", "promoting"]
- name: marker
  expression: object.metadata.?annotations[?"truststream.dev/held"].orValue("")
- name: oldMarker
  expression: oldObject.metadata.?annotations[?"truststream.dev/held"].orValue("")
- name: paused
  expression: object.spec.?paused.orValue(false)
- name: changed
  expression: object.spec.template != oldObject.spec.template
- name: reason
  expression: object.metadata.?annotations[?"truststream.dev/override"].orValue("")
- name: oldReason
  expression: oldObject.metadata.?annotations[?"truststream.dev/override"].orValue("")
# Someone asks to get past the hold in this very request; what stands there from an earlier one asks for nothing.
- name: asks
  expression: >-
    variables.managed && !variables.operator
    && (variables.label == "off" || (variables.reason != "" && variables.reason != variables.oldReason))
# The Deployment's name stands for the CanaryDeployment's, which is not known here (docs/decisions/0002).
- name: allowed
  expression: >-
    authorizer.group("truststream.dev").resource("canarydeployments").namespace(request.namespace)
    .name(object.metadata.name).check("override").allowed()
- name: overridden
  expression: variables.asks && variables.allowed
- name: hold
  expression: >-
    variables.managed && !variables.operator && !variables.overridden
    && (variables.oldMarker != "" || (variables.oldLabel == "enabled" && variables.changed))
{{- end }}

{{/*
What a request says about a FeatureFlag and its approval. The rule in force is that of the spec that is served: a change
of the rule is itself a change that waits.
*/}}
{{- define "truststream.flagVariables" -}}
- name: operator
  expression: request.userInfo.username == {{ include "truststream.user" . | quote }}
- name: changed
  expression: request.operation == "CREATE" || object.spec != oldObject.spec
- name: notes
  expression: object.metadata.?annotations.orValue({})
- name: oldNotes
  expression: 'request.operation == "CREATE" ? {} : oldObject.metadata.?annotations.orValue({})'
- name: changedBy
  expression: variables.notes[?"truststream.dev/changed-by"].orValue("")
- name: oldChangedBy
  expression: variables.oldNotes[?"truststream.dev/changed-by"].orValue("")
- name: oldChangedWith
  expression: variables.oldNotes[?"truststream.dev/changed-with"].orValue("")
- name: approve
  expression: variables.notes[?"truststream.dev/approve"].orValue("")
- name: oldApprove
  expression: variables.oldNotes[?"truststream.dev/approve"].orValue("")
- name: by
  expression: variables.notes[?"truststream.dev/approve-by"].orValue("")
- name: oldBy
  expression: variables.oldNotes[?"truststream.dev/approve-by"].orValue("")
- name: oldGroups
  expression: variables.oldNotes[?"truststream.dev/approve-groups"].orValue("")
# Someone approves in this very request; what stands there from an earlier one asks for nothing.
- name: asks
  expression: variables.approve != "" && variables.approve != variables.oldApprove
- name: generation
  expression: 'request.operation == "CREATE" ? "" : string(oldObject.metadata.?generation.orValue(0))'
- name: status
  expression: 'request.operation == "CREATE" ? {} : oldObject.?status.orValue({})'
# Until the operator has written a change into status.history, its author is kept beside that of the next one.
- name: changedWith
  expression: >-
    !variables.changed ? variables.oldChangedWith
    : request.operation == "CREATE" || variables.status.?observedGeneration.orValue(0) == oldObject.metadata.?generation.orValue(0)
    ? "" : (variables.oldChangedWith.split("\n").filter(a, a != variables.oldChangedBy) + [variables.oldChangedBy])
    .filter(a, a != "" && a != request.userInfo.username).join("\n")
- name: hasServed
  expression: has(variables.status.served) && has(variables.status.served.spec)
- name: servedGeneration
  expression: string(variables.status.?served.?generation.orValue(0))
- name: servedGroups
  expression: >-
    variables.hasServed && has(variables.status.served.spec.approval) && type(variables.status.served.spec.approval) == map
    ? variables.status.served.spec.approval.?groups.orValue([]) : []
- name: newGroups
  expression: object.spec.?approval.?groups.orValue([])
- name: groups
  expression: 'variables.hasServed ? variables.servedGroups : variables.newGroups'
- name: required
  expression: size(variables.groups) > 0
# Of all changes since what is served: a later small change does not launder an earlier one.
- name: authors
  expression: >-
    [variables.oldChangedBy] + variables.oldChangedWith.split("\n") + variables.status.?history.orValue([])
      .filter(h, h.generation > variables.status.?served.?generation.orValue(0))
      .map(h, h.?by.orValue(""))
- name: approvers
  expression: >-
    variables.status.?approvals.orValue([]).filter(a, string(a.generation) == variables.generation).map(a, a.by)
{{- end }}

{{- define "truststream.bindEverywhere" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: {{ .kind }}
metadata:
  name: {{ .name }}
  labels: {{- include "truststream.labels" .root | nindent 4 }}
spec:
  policyName: {{ .name }}
{{- end }}
