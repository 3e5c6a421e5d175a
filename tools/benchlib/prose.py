"""Text, pictures and schemas as operators carry them, out of a random.Random: the same seed gives the same bytes."""
import base64

WORDS = """the a an of to and for in on with by is are be can will must may not when if each every all any this that it its as at from
or operator cluster resource custom deployment service instance version upgrade backup restore storage volume claim secret password
certificate network policy ingress route namespace node pod replica container image registry pull schedule affinity toleration label
selector annotation metric monitor alert dashboard log trace event status condition phase field value default name reference object list
map string number size limit request memory cpu disk timeout interval retry period second minute configuration setting option enabled
disabled manages creates deletes updates watches scales rolls runs provides requires supports installs exposes connects stores reads
writes validates defines specifies contains ignores database cache queue broker topic stream gateway mesh proxy controller webhook
manager agent sidecar scanner template user role binding account token session client server endpoint address port protocol host domain
production development experimental stable high availability automatic manual optional immutable""".split()
# What makes writers of YAML and JSON think: quotes, colons, HTML, letters beyond ASCII.
SPICE = ["`kubectl get pods`", "<https://docs.example.com/guide?a=1&b=2>", "\"quoted\"", "it's", "e.g.:", "key: value", "# not a comment",
         "&nbsp;", "<b>bold</b>", "naïve", "Größe", "≥ 4.12", "– see below", "“smart quotes”", "™", "演算子", "v1.2.3", "100%", "{{ .Values.name }}"]
NOUNS = """vault harbor kafka redis postgres mongo spark flink keda argo flux jaeger tempo loki prom grafana istio linkerd envoy consul etcd
minio ceph rook longhorn velero kube knative tekton camel quarkus infinispan strimzi nifi airflow solr elastic cassandra scylla cockroach
yuga tidb mysql maria percona oracle couch rabbit nats pulsar emqx apicurio keycloak dex cert trident falco aqua""".split()
SUFFIXES = "operator operator operator controller manager community-operator enterprise hub lite cloud".split()


def pick(rng, quantiles, scale=1.0):
    """A number from a distribution given by what it is at 0, 10, 25, 50, 75, 90, 99 and 100 per cent, straight lines between."""
    marks = (0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1)
    at = rng.random()
    for i in range(1, len(marks)):
        if at <= marks[i]:
            part = (at - marks[i - 1]) / (marks[i] - marks[i - 1])
            return max(1, round((quantiles[i - 1] + part * (quantiles[i] - quantiles[i - 1])) * scale))


def sentence(rng, length):
    """About so many characters on one line."""
    words = rng.choices(WORDS, k=max(1, length // 7))
    if rng.random() < 0.15:
        words[rng.randrange(len(words))] = rng.choice(SPICE)
    return (" ".join(words).capitalize() + ".") if words[0][0].isalpha() else " ".join(words)


def markdown(rng, length):
    """A description: headings, paragraphs (some of them one long line), lists, a table, a code block."""
    parts, size = [], 0
    while size < length:
        kind = rng.random()
        if kind < 0.2:
            part = "## " + " ".join(rng.choices(WORDS, k=3)).title()
        elif kind < 0.4:
            part = "\n".join("* **" + rng.choice(WORDS).title() + "**: " + sentence(rng, 90) for _ in range(rng.randint(2, 6)))
        elif kind < 0.45:
            part = "| Name | Meaning |\n| :--- | :---: |\n" + "\n".join(f"| `{rng.choice(WORDS)}` | {sentence(rng, 40)} |" for _ in range(3))
        elif kind < 0.52:
            part = "```yaml\nspec:\n  " + rng.choice(WORDS) + ": \"" + rng.choice(WORDS) + "\"\n```"
        else:
            part = " ".join(sentence(rng, 110) for _ in range(rng.randint(1, 4)))
        parts.append(part)
        size += len(part) + 2
    text = "\n\n".join(parts)
    return text + "\n" if rng.random() < 0.5 else text.replace("\n", " \n", 1) if rng.random() < 0.1 else text


def icon(rng, length):
    """(media type, base64 text of about so many characters)"""
    size = length * 3 // 4
    if rng.random() < 0.5:
        paths = []
        while sum(map(len, paths)) < size:
            paths.append("<path d=\"M" + " ".join(f"{rng.uniform(0, 512):.2f}" for _ in range(24)) + "z\" fill=\"#" + f"{rng.randrange(1 << 24):06x}\"/>")
        return "image/svg+xml", text64("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 512 512\">" + "".join(paths) + "</svg>")
    return "image/png", base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + rng.randbytes(size)).decode()


def text64(text):
    return base64.b64encode(text.encode()).decode()


def schema(rng, budget, depth=0):
    """An OpenAPI schema of about so many bytes, nested as those that controller-gen writes."""
    properties = {}
    while budget > 0:
        name = rng.choice(WORDS) + rng.choice(WORDS).title()
        told = {"description": sentence(rng, rng.choice((40, 90, 180, 400)))}
        kind = rng.random()
        if kind < 0.3 and depth < 12 and budget > 600:
            inner = min(budget, rng.choice((500, 1500, 5000, 20000)))
            value, budget = schema(rng, inner, depth + 1), budget - inner
            if rng.random() < 0.4:
                value = {"type": "array", "items": value, "x-kubernetes-list-type": "atomic"}
        elif kind < 0.65:
            value = {"type": "string"}
            if rng.random() < 0.15:
                value["enum"] = rng.sample(WORDS, 3)
            elif rng.random() < 0.1:
                value["pattern"] = r"^(([0-9]+)|([0-9]+(\.[0-9]+)?))(([KMGTPE]i)|[numkMGTPE])?$"
        elif kind < 0.8:
            value = {"type": "integer", "format": "int32", "minimum": rng.choice((0, 1)), "default": rng.randrange(65536)}
        elif kind < 0.92:
            value = {"type": "boolean", "default": rng.random() < 0.5}
        else:
            value = {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}
        properties[name] = {**told, **value}
        budget -= 60 + len(name) + len(told["description"])
    return {"type": "object", "properties": properties, "required": sorted(properties)[:2]}
