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

{{- define "truststream.bindEverywhere" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: {{ .kind }}
metadata:
  name: {{ .name }}
  labels: {{- include "truststream.labels" .root | nindent 4 }}
spec:
  policyName: {{ .name }}
{{- end }}
