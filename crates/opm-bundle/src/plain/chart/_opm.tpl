{{- /* The namespace of the operator: the value, else that of the release. */ -}}
{{- define "opm.installNamespace" -}}
{{- $name := toString (default .Release.Namespace .Values.installNamespace) -}}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$" $name) -}}
{{- fail (printf "installNamespace: %q is not the name of a namespace" $name) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{- /* The namespaces that the operator watches, as a JSON list: the value, else what its install modes say. */ -}}
{{- define "opm.targetNamespaces" -}}
{{- $install := include "opm.installNamespace" . -}}
{{- $modes := list @MODES@ -}}
{{- $targets := uniq (default (list) .Values.targetNamespaces) -}}
{{- if not $targets -}}
{{- if has "AllNamespaces" $modes -}}
{{- $targets = list "" -}}
{{- else if has "OwnNamespace" $modes -}}
{{- $targets = list $install -}}
{{- else -}}
{{- fail (printf "targetNamespaces must be specified; supported install modes: [%s]" (join ", " $modes)) -}}
{{- end -}}
{{- end -}}
{{- range $name := $targets -}}
{{- if not (regexMatch "^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$" (toString $name)) -}}
{{- fail (printf "targetNamespaces: %q is not the name of a namespace" (toString $name)) -}}
{{- end -}}
{{- end -}}
{{- $mode := "MultiNamespace" -}}
{{- if and (gt (len $targets) 1) (has $install $targets) (not (has "OwnNamespace" $modes)) -}}
{{- $mode = "OwnNamespace" -}}
{{- else if gt (len $targets) 1 -}}
{{- if has "" $targets -}}
{{- fail "targetNamespaces: all namespaces (\"\") cannot be combined with others" -}}
{{- end -}}
{{- else if eq (first $targets) "" -}}
{{- $mode = "AllNamespaces" -}}
{{- else if eq (first $targets) $install -}}
{{- $mode = "OwnNamespace" -}}
{{- else -}}
{{- $mode = "SingleNamespace" -}}
{{- end -}}
{{- if not (has $mode $modes) -}}
{{- fail (printf "targetNamespaces [%s] need the install mode %s; supported install modes: [%s]" (join ", " $targets) $mode (join ", " $modes)) -}}
{{- end -}}
{{- toJson $targets -}}
{{- end -}}

{{- /* Puts each of items into the list key of into: in the place of the one with its name, else at the end. */ -}}
{{- define "opm.putNamed" -}}
{{- if .items -}}
{{- $all := default (list) (get .into .key) -}}
{{- range $item := .items -}}
{{- $next := list -}}
{{- $found := false -}}
{{- range $old := $all -}}
{{- if and (not $found) (eq (toString (get $old "name")) (toString $item.name)) -}}
{{- $next = append $next $item -}}
{{- $found = true -}}
{{- else -}}
{{- $next = append $next $old -}}
{{- end -}}
{{- end -}}
{{- if not $found -}}
{{- $next = append $next $item -}}
{{- end -}}
{{- $all = $next -}}
{{- end -}}
{{- $_ := set .into .key $all -}}
{{- end -}}
{{- end -}}

{{- /* Appends those of items to the list key of into that are not in it. */ -}}
{{- define "opm.putNew" -}}
{{- if .items -}}
{{- $all := default (list) (get .into .key) -}}
{{- range $item := .items -}}
{{- $found := false -}}
{{- range $old := $all -}}
{{- if eq (toJson $old) (toJson $item) -}}
{{- $found = true -}}
{{- end -}}
{{- end -}}
{{- if not $found -}}
{{- $all = append $all $item -}}
{{- end -}}
{{- end -}}
{{- $_ := set .into .key $all -}}
{{- end -}}
{{- end -}}

{{- /* The deployment, given as YAML, with the changes of config; as JSON, which leaves no doubt what is text. */ -}}
{{- define "opm.configured" -}}
{{- $config := .config -}}
{{- $deployment := fromYaml .deployment -}}
{{- $template := $deployment.spec.template -}}
{{- if not (get $template "spec") -}}
{{- $_ := set $template "spec" (dict) -}}
{{- end -}}
{{- $pod := $template.spec -}}
{{- range $container := default (list) (get $pod "containers") -}}
{{- include "opm.putNamed" (dict "into" $container "key" "env" "items" (get $config "env")) -}}
{{- include "opm.putNamed" (dict "into" $container "key" "volumeMounts" "items" (get $config "volumeMounts")) -}}
{{- include "opm.putNew" (dict "into" $container "key" "envFrom" "items" (get $config "envFrom")) -}}
{{- if kindIs "map" (get $config "resources") -}}
{{- $_ := set $container "resources" $config.resources -}}
{{- end -}}
{{- end -}}
{{- include "opm.putNamed" (dict "into" $pod "key" "volumes" "items" (get $config "volumes")) -}}
{{- include "opm.putNew" (dict "into" $pod "key" "tolerations" "items" (get $config "tolerations")) -}}
{{- if kindIs "map" (get $config "nodeSelector") -}}
{{- $_ := set $pod "nodeSelector" $config.nodeSelector -}}
{{- end -}}
{{- if kindIs "map" (get $config "affinity") -}}
{{- $own := default (dict) (get $pod "affinity") -}}
{{- $given := false -}}
{{- range $key, $part := $config.affinity -}}
{{- if kindIs "map" $part -}}
{{- $given = true -}}
{{- $required := get $part "requiredDuringSchedulingIgnoredDuringExecution" -}}
{{- if kindIs "map" $required -}}
{{- $required = get $required "nodeSelectorTerms" -}}
{{- end -}}
{{- if or $required (get $part "preferredDuringSchedulingIgnoredDuringExecution") -}}
{{- $_ := set $own $key $part -}}
{{- else -}}
{{- $_ := unset $own $key -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $given $own -}}
{{- $_ := set $pod "affinity" $own -}}
{{- else -}}
{{- $_ := unset $pod "affinity" -}}
{{- end -}}
{{- end -}}
{{- range $metadata := list $deployment.metadata $template.metadata -}}
{{- range $key, $text := default (dict) (get $config "annotations") -}}
{{- if not (get $metadata "annotations") -}}
{{- $_ := set $metadata "annotations" (dict) -}}
{{- end -}}
{{- if not (hasKey $metadata.annotations $key) -}}
{{- $_ := set $metadata.annotations $key $text -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toPrettyJson $deployment -}}
{{- end -}}
