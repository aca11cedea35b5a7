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
{{- include "truststream.imageOf" (dict "root" . "image" .Values.image) -}}
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

{{/* The server: its objects, and its account. */}}
{{- define "truststream.server" -}}
{{- include "truststream.name" . }}-server
{{- end }}

{{- define "truststream.serverSelector" -}}
app.kubernetes.io/name: truststream-server
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "truststream.serverLabels" -}}
{{- merge (include "truststream.serverSelector" . | fromYaml) (include "truststream.labels" . | fromYaml) | toYaml }}
{{- end }}

{{/* An image of values: repository, tag, digest; the tag by default the appVersion. */}}
{{- define "truststream.imageOf" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/*
The operator's configuration file. What values say of the server is its part `server`; what stands there in
values.configuration wins.
*/}}
{{- define "truststream.configuration" -}}
{{- $configuration := deepCopy .Values.configuration }}
{{- if .Values.server.enabled }}
{{- $_ := set $configuration "server" (merge ($configuration.server | default dict) (include "truststream.serverConfiguration" . | fromYaml)) }}
{{- end }}
{{- toYaml $configuration }}
{{- end }}

{{- define "truststream.serverConfiguration" -}}
{{- $server := .Values.server -}}
anonymous: {{ $server.anonymous | toJson }}
origins: {{ $server.origins | toJson }}
{{- with $server.environment }}
environment: {{ . | quote }}
{{- end }}
{{- with $server.limits }}
limits: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $server.apiKeys.secretName }}
apiKeys: /etc/truststream-server/api-keys
{{- end }}
{{- if $server.tls.secretName }}
tls:
  certificateFile: /etc/truststream-server/tls/tls.crt
  keyFile: /etc/truststream-server/tls/tls.key
{{- end }}
{{- if ne $server.store.type "none" }}
store:
  {{- if eq $server.store.type "sqlite" }}
  url: sqlite:////var/lib/truststream/exposures.db
  {{- else }}
  urlFile: /etc/truststream-server/database/url
  {{- end }}
  spoolDirectory: /var/lib/truststream/spool
  spoolBytes: {{ mul $server.store.spoolMebibytes 1048576 }}
  retention: {{ $server.store.retention | quote }}
{{- end }}
{{- end }}

{{/* Values that cannot be meant, in a sentence. */}}
{{- define "truststream.serverChecks" -}}
{{- $server := .Values.server }}
{{- if and (eq $server.store.type "sqlite") (gt (int $server.replicas) 1) }}
{{- fail (printf "server.store.type sqlite keeps exposures in a file that one pod has: set server.replicas=1 instead of %d, or server.store.type=postgresql" (int $server.replicas)) }}
{{- end }}
{{- if and (eq $server.store.type "postgresql") (not $server.store.postgresql.secretName) }}
{{- fail "server.store.type postgresql needs server.store.postgresql.secretName: a Secret of the release's namespace with the database's URL under the key server.store.postgresql.key" }}
{{- end }}
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
