{{- define "truststream.name" -}}
{{- .Values.nameOverride | default .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- end }}

{{- define "truststream.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "truststream.name" .) -}}
{{- end }}

{{/* The one user that the policies let through. */}}
{{- define "truststream.user" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "truststream.serviceAccount" . }}
{{- end }}

{{- define "truststream.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "truststream.selector" -}}
app.kubernetes.io/name: truststream
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "truststream.labels" -}}
{{ include "truststream.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: truststream
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
{{- end }}

{{/* "true" when the mutating policies are rendered, else empty. */}}
{{- define "truststream.mutating" -}}
{{- if eq .Values.policies.mutating "always" -}}
true
{{- else if eq .Values.policies.mutating "auto" -}}
{{- if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" -}}true{{- end -}}
{{- end -}}
{{- end }}

{{/* Restricted Pod Security for the pod ... */}}
{{- define "truststream.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* ... and for its container. */}}
{{- define "truststream.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "truststream.environment" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: HOME
  value: /tmp
{{- end }}

{{- define "truststream.mounts" -}}
- {name: configuration, mountPath: /etc/truststream, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "truststream.volumes" -}}
- name: configuration
  configMap: {name: {{ include "truststream.name" . | quote }}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- end }}

{{/* How pods are placed: the operator's and the hook's alike. */}}
{{- define "truststream.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- end }}
