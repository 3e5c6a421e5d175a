"""Makes up operators: packages with channels, and bundles with their CSV, CRDs and other objects.

How many of everything, and how large, follows what was counted in public catalogs (community catalogs of OpenShift 4.12 and 4.18,
operators with plain manifests); the numbers are in SIZES below. Names and texts are made up.
"""
import json, random
from dataclasses import dataclass, field

from . import prose

# At 0, 10, 25, 50, 75, 90, 99 and 100 per cent (prose.pick); lengths in characters.
SIZES = dict(
    bundles=(1, 1, 2, 5, 9, 17, 21, 40),
    channels=(1, 1, 1, 1, 2, 3, 4, 6),
    apis=(1, 1, 1, 3, 5, 8, 18, 22),
    icon=(1300, 1700, 2900, 6000, 17000, 60000, 170000, 218000),
    package_description=(0, 0, 0, 0, 0, 0, 2000, 3000),
    description=(230, 360, 900, 1300, 2000, 3000, 6900, 7900),
    examples=(100, 250, 500, 1500, 6000, 12500, 14500, 15000),
    api_description=(20, 40, 50, 90, 300, 700, 1800, 3000),
    crd=(350, 450, 600, 1500, 3500, 7000, 30000, 150000),
    rules=(4, 6, 8, 12, 20, 35, 60, 80),
    related_images=(0, 0, 0, 0, 1, 3, 14, 16),
)
CHANNELS = ("stable", "alpha", "beta", "candidate", "fast", "preview")
CATEGORIES = ("Database", "Networking", "Security", "Monitoring", "Streaming & Messaging", "AI/Machine Learning, Big Data", "Storage")
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete")


@dataclass
class Bundle:
    """One version of an operator."""
    name: str
    version: str
    image: str
    csv: dict
    objects: list
    related: list
    properties: list  # those that do not follow from the objects


@dataclass
class Package:
    """An operator with all its versions, oldest first, and its channels: (name, entries of the upgrade graph)."""
    name: str
    icon: tuple
    description: str
    bundles: list = field(default_factory=list)
    channels: list = field(default_factory=list)
    deprecated: list = field(default_factory=list)


def packages(seed, bundles, fullness=1.0):
    """Packages by name, one after the other, with so many bundles in all; `fullness` multiplies the lengths of texts and schemas."""
    plan, left = {}, bundles
    while left:
        rng = random.Random(f"{seed}/{len(plan)}")
        name = "-".join((rng.choice(prose.NOUNS), rng.choice(prose.SUFFIXES)))
        if name in plan:
            name = f"{name}-{len(plan) + 1}"
        count = min(left, prose.pick(rng, SIZES["bundles"]))
        plan[name] = (rng, count)
        left -= count
    for name, (rng, count) in sorted(plan.items()):
        yield package(rng, name, count, fullness)


def package(rng, name, count, fullness):
    size = lambda what: prose.pick(rng, SIZES[what], fullness)
    length = size("package_description")
    made = Package(name, prose.icon(rng, size("icon")), prose.markdown(rng, length) if length > 100 else "")
    group = f"{rng.choice(prose.NOUNS)}.{name.split('-')[0]}.example.com"
    kinds = {}
    for _ in range(prose.pick(rng, SIZES["apis"])):
        kind = (rng.choice(prose.WORDS) + rng.choice(prose.NOUNS).title() + rng.choice(prose.WORDS).title())
        kinds[kind[0].upper() + kind[1:]] = rng.choice(("v1", "v1alpha1", "v1beta1"))
    crds = [crd(rng, group, kind, version, size("crd")) for kind, version in kinds.items()]
    owned = [dict(name=c["metadata"]["name"], kind=c["spec"]["names"]["kind"], version=c["spec"]["versions"][0]["name"],
                  displayName=c["spec"]["names"]["kind"], description=prose.sentence(rng, size("api_description"))) for c in crds]
    for api in owned:
        if rng.random() < 0.3:
            api["specDescriptors"] = [dict(path=rng.choice(prose.WORDS), displayName=rng.choice(prose.WORDS).title(), description=prose.sentence(rng, 80),
                                           **{"x-descriptors": ["urn:alm:descriptor:com.tectonic.ui:text"]}) for _ in range(rng.randint(1, 8))]
            api["resources"] = [dict(kind=k, name="", version="v1") for k in ("Pod", "Service", "ConfigMap")]
    base = dict(description=prose.markdown(rng, size("description")), examples=examples(rng, crds, size("examples")),
                rules=[dict(apiGroups=[rng.choice(("", "apps", "batch", group, "route.openshift.io"))], resources=sorted({rng.choice(prose.WORDS) + "s" for _ in range(3)}),
                            verbs=list(VERBS[:rng.randint(2, 7)])) for _ in range(prose.pick(rng, SIZES["rules"]))],
                extra=[f"quay.io/{name}/{rng.choice(prose.WORDS)}{i}" for i in range(prose.pick(rng, SIZES["related_images"]) - 1)])
    fixed = required(rng)
    versions = list(release_numbers(rng, count))
    for version in versions:
        if rng.random() < 0.3:  # an API grows from release to release
            at = rng.randrange(len(crds))
            crds[at] = json.loads(json.dumps(crds[at]))
            crds[at]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"].update(prose.schema(rng, 300, 9)["properties"])
        made.bundles.append(bundle(rng, made, version, base, owned, list(crds), fixed))
    graph(rng, made)
    return made


def crd(rng, group, kind, version, length):
    plural = kind.lower() + "s"
    schema = {"type": "object", "description": f"{kind} is the Schema for the {plural} API", "properties": {
        "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"},
        "spec": prose.schema(rng, max(60, length - 700)), "status": prose.schema(rng, min(length // 6, 4000))}}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}", "creationTimestamp": None, "annotations": {"controller-gen.kubebuilder.io/version": "v0.16.1"}},
            "spec": {"group": group, "scope": "Namespaced", "names": {"kind": kind, "listKind": kind + "List", "plural": plural, "singular": kind.lower()},
                     "versions": [{"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}}}]}}


def examples(rng, crds, length):
    """The annotation alm-examples: JSON, indented, within a string."""
    made, size = [], 0
    while size < length:
        of = rng.choice(crds)
        one = {"apiVersion": of["spec"]["group"] + "/" + of["spec"]["versions"][0]["name"], "kind": of["spec"]["names"]["kind"],
               "metadata": {"name": "example"}, "spec": {rng.choice(prose.WORDS): value for value in
                   (rng.randrange(9), "4Gi", "", {"limits": {"cpu": "500m", "memory": "1Gi"}}, [], ["--v=2", "a && b"], True, prose.sentence(rng, 60))}}
        made.append(one)
        size += len(json.dumps(one, indent=2)) + 80
    return json.dumps(made, indent=2)


def required(rng):
    """Properties of a package's bundles that do not follow from its objects: what it needs, the newest cluster it runs on."""
    made = []
    if rng.random() < 0.1:
        needs = (("cert-manager.io", "Certificate"), ("monitoring.coreos.com", "ServiceMonitor"), ("monitoring.coreos.com", "PrometheusRule"))
        made += [dict(type="olm.gvk.required", value=dict(group=g, kind=k, version="v1")) for g, k in needs[:rng.randint(1, 3)]]
    if rng.random() < 0.04:
        made.append(dict(type="olm.package.required", value=dict(packageName="cert-manager", versionRange=">=1.0.0 <2.0.0")))
    if rng.random() < 0.15:
        made.append(dict(type="olm.maxOpenShiftVersion", value=f"4.{rng.randint(8, 18)}"))
    return made


def release_numbers(rng, count):
    major, minor, patch = rng.choice((0, 0, 1, 1, 2, 4)), rng.randint(0, 9), rng.randint(0, 3)
    for _ in range(count):
        step = rng.random()
        if step < 0.55:
            patch += 1
        elif step < 0.95:
            minor, patch = minor + 1, 0
        else:
            major, minor, patch = major + 1, 0, 0
        yield f"{major}.{minor}.{patch}" + (rng.choice(("-rc.1", "-1", "-alpha.2")) if rng.random() < 0.06 else "")


def bundle(rng, of, version, base, owned, crds, fixed):
    name = f"{of.name}.v{version}"
    image = f"quay.io/{of.name.split('-')[0]}/{of.name}"
    extra = [f"{i}@sha256:{rng.getrandbits(256):064x}" for i in base["extra"]]
    annotations = {
        "alm-examples": base["examples"], "capabilities": rng.choice(("Basic Install", "Seamless Upgrades", "Full Lifecycle", "Deep Insights")),
        "categories": CATEGORIES[len(of.name) % len(CATEGORIES)], "certified": "false", "containerImage": f"{image}:v{version}",
        "createdAt": f"20{rng.randint(20, 25)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T{rng.randrange(24):02}:{rng.randrange(60):02}:09Z",
        "description": prose.sentence(rng, 120), "operators.operatorframework.io/builder": "operator-sdk-v1.39.2",
        "operators.operatorframework.io/project_layout": "go.kubebuilder.io/v4", "repository": f"https://github.com/{of.name}/{of.name}", "support": of.name.title()}
    if len(of.name) % 3 == 0:
        annotations.update({f"features.operators.openshift.io/{f}": "false" for f in ("disconnected", "fips-compliant", "proxy-aware", "tls-profiles", "token-auth-aws")})
    container = {"name": "manager", "image": f"{image}:v{version}", "args": ["--leader-elect", "--health-probe-bind-address=:8081", "--zap-log-level=info"],
                 "command": ["/manager"], "env": [{"name": f"RELATED_IMAGE_{i}", "value": e} for i, e in enumerate(extra)]
                 + [{"name": "WATCH_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['olm.targetNamespaces']"}}}],
                 "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8081}, "initialDelaySeconds": 15, "periodSeconds": 20},
                 "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8081}, "initialDelaySeconds": 5, "periodSeconds": 10},
                 "resources": {"limits": {"cpu": "500m", "memory": "128Mi"}, "requests": {"cpu": "10m", "memory": "64Mi"}},
                 "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}
    labels = {"control-plane": "controller-manager"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [container], "serviceAccountName": of.name, "terminationGracePeriodSeconds": 10}}
    csv = {"apiVersion": "operators.coreos.com/v1alpha1", "kind": "ClusterServiceVersion",
           "metadata": {"name": name, "namespace": "placeholder", "annotations": annotations},
           "spec": {"displayName": of.name.replace("-", " ").title(), "description": base["description"], "version": version, "maturity": "alpha",
                    "minKubeVersion": "1.21.0", "keywords": of.name.split("-") + ["kubernetes"], "apiservicedefinitions": {},
                    "customresourcedefinitions": {"owned": owned}, "icon": [{"base64data": of.icon[1], "mediatype": of.icon[0]}],
                    "links": [{"name": "Documentation", "url": f"https://{of.name}.example.com/docs?v={version}&lang=en"}],
                    "maintainers": [{"name": "The " + of.name.title() + " Team", "email": f"team@{of.name}.example.com"}],
                    "provider": {"name": of.name.title() + ", Inc."},
                    "installModes": [{"type": t, "supported": t != "MultiNamespace"} for t in ("OwnNamespace", "SingleNamespace", "MultiNamespace", "AllNamespaces")],
                    "install": {"strategy": "deployment", "spec": {
                        "clusterPermissions": [{"serviceAccountName": of.name, "rules": base["rules"]}],
                        "deployments": [{"name": of.name, "label": labels, "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "strategy": {}, "template": pod}}]}}}}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"{of.name}-metrics", "labels": labels},
               "spec": {"ports": [{"name": "https", "port": 8443, "targetPort": "https"}], "selector": labels}, "status": {"loadBalancer": {}}}
    related = sorted({f"{image}:v{version}", f"{image}-bundle:v{version}", *extra})
    return Bundle(name, version, f"{image}-bundle:v{version}", csv, [csv, *crds] + ([service] if len(of.name) % 2 else []), related, fixed)


def graph(rng, of):
    """Cuts the versions into channels, newest last; most entries replace the one before, a few skip some, or a range."""
    count = min(prose.pick(rng, SIZES["channels"]), len(of.bundles))
    cuts = [0, *sorted(rng.sample(range(1, len(of.bundles)), count - 1)), len(of.bundles)]
    names = rng.sample(CHANNELS, count) if rng.random() < 0.6 else [f"stable-{of.bundles[c].version.split('-')[0]}" for c in cuts[:-1]]
    for i, channel in enumerate(names):
        first = max(0, cuts[i] - (rng.randint(0, 2) if rng.random() < 0.3 else 0))
        entries, since = [], first
        for at in range(first, cuts[i + 1]):
            entry = {"name": of.bundles[at].name}
            skipped = rng.randint(1, 3) if rng.random() < 0.06 else 0
            if at - skipped - 1 >= since and skipped:
                entry["replaces"] = of.bundles[at - skipped - 1].name
                entry["skips"] = [b.name for b in of.bundles[at - skipped:at]]
                since = at
            elif at > 0 and (at > first or rng.random() < 0.2):
                entry["replaces"] = of.bundles[at - 1].name
            if at > first and rng.random() < 0.03:
                entry["skipRange"] = f">={of.bundles[first].version} <{of.bundles[at].version}"
            entries.append(entry)
            if at >= cuts[i]:  # what the CSV says is what its own channel says
                spec = of.bundles[at].csv["spec"]
                spec.update({k: entry[k] for k in ("replaces", "skips") if k in entry})
                if "skipRange" in entry:
                    of.bundles[at].csv["metadata"]["annotations"]["olm.skipRange"] = entry["skipRange"]
        of.channels.append((channel, entries))
    if len(of.bundles) > 3 and rng.random() < 0.05:
        of.deprecated = [of.bundles[0].name]
