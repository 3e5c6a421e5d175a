"""Writes made-up operators to disk: as a file-based catalog, as bundle directories, as package manifests; in YAML or JSON."""
import base64, json, os, re

# The two shapes of catalogs: bundles with all their manifests inside, and bundles that name an image; with what to multiply text lengths by
# so that the catalogs are as large as the real ones (86 kB and 18 kB a bundle).
SHAPES = {"inline": 0.92, "images": 1.0}


def catalog(package, shape):
    """The blobs of a package's catalog, in the order in which they are printed."""
    head = {"schema": "olm.package", "name": package.name, "defaultChannel": package.channels[-1][0],
            "icon": {"base64data": package.icon[1], "mediatype": package.icon[0]}}
    if package.description:
        head["description"] = package.description
    yield head
    for name, entries in sorted(package.channels, key=lambda c: c[0]):
        yield {"schema": "olm.channel", "name": name, "package": package.name, "entries": entries}
    for one in sorted(package.bundles, key=lambda b: b.name):
        yield {"schema": "olm.bundle", "name": one.name, "package": package.name, "image": one.image if shape == "images" else "",
               "properties": properties(package, one, shape),
               "relatedImages": [{"name": "", "image": i} for i in (one.related if shape == "images" else one.related[-1:])]}
    if package.deprecated:
        yield {"schema": "olm.deprecations", "package": package.name,
               "entries": [{"reference": {"schema": "olm.bundle", "name": n}, "message": f"{n} is no longer supported: use a newer one."} for n in package.deprecated]}


def properties(package, bundle, shape):
    apis = [dict(group=o["spec"]["group"], kind=o["spec"]["names"]["kind"], version=v["name"])
            for o in bundle.objects if o["kind"] == "CustomResourceDefinition" for v in o["spec"]["versions"]]
    made = [dict(type="olm.gvk", value=a) for a in apis] + bundle.properties
    made.append(dict(type="olm.package", value=dict(packageName=package.name, version=bundle.version)))
    made.sort(key=lambda p: (p["type"], json.dumps(p["value"])))
    if shape == "inline":
        return made + [dict(type="olm.bundle.object", value=dict(data=base64.b64encode(compact(o)).decode())) for o in bundle.objects]
    spec, meta = bundle.csv["spec"], bundle.csv["metadata"]
    names = "description displayName installModes keywords links maintainers maturity minKubeVersion provider".split()
    value = {"annotations": meta["annotations"], "apiServiceDefinitions": {},
             "crdDescriptions": spec["customresourcedefinitions"], **{n: spec[n] for n in names}}
    return made + [dict(type="olm.csv.metadata", value=json.loads(json.dumps(value, sort_keys=True)))]


def compact(thing):
    """JSON as Kubernetes objects are kept: keys sorted, no blanks, HTML characters escaped."""
    text = json.dumps(thing, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").encode()


def write_catalog(packages, target, shape, form, single):
    """Writes a catalog directory, one file or one for each package; returns its size in bytes."""
    os.makedirs(target, exist_ok=True)
    size, out = 0, open(os.path.join(target, f"catalog.{form}"), "wb") if single else None
    for package in packages:
        data = "".join(map({"json": as_json, "yaml": as_yaml}[form], catalog(package, shape))).encode()
        if single:
            out.write(data)
        else:
            os.makedirs(os.path.join(target, package.name))
            save(data, target, package.name, f"catalog.{form}")
        size += len(data)
    if out:
        out.close()
    return size


def write_bundles(packages, target, limit):
    """Writes so many bundle directories; returns their paths."""
    made = []
    for package in packages:
        for one in package.bundles:
            if len(made) == limit:
                return made
            where = os.path.join(target, one.name)
            os.makedirs(os.path.join(where, "metadata"))
            write_objects(one, os.path.join(where, "manifests"))
            save(as_yaml({"annotations": {
                "operators.operatorframework.io.bundle.package.v1": package.name, "operators.operatorframework.io.bundle.mediatype.v1": "registry+v1",
                "operators.operatorframework.io.bundle.manifests.v1": "manifests/", "operators.operatorframework.io.bundle.metadata.v1": "metadata/",
                "operators.operatorframework.io.bundle.channels.v1": ",".join(c for c, entries in package.channels if any(e["name"] == one.name for e in entries)),
                "operators.operatorframework.io.bundle.channel.default.v1": package.channels[-1][0]}}).encode(), where, "metadata", "annotations.yaml")
            made.append(where)
    return made


def write_manifests(packages, target):
    """Writes a directory of package manifests, as `initializer` reads them; returns the number of bundles."""
    count = 0
    for package in packages:
        for one in package.bundles:
            write_objects(one, os.path.join(target, package.name, one.version))
            count += 1
        heads = [{"name": name, "currentCSV": entries[-1]["name"]} for name, entries in package.channels]
        save(as_yaml({"packageName": package.name, "channels": heads, "defaultChannel": package.channels[-1][0]}).encode(),
             target, package.name, f"{package.name}.package.yaml")
    return count


def write_objects(bundle, target):
    os.makedirs(target)
    for number, thing in enumerate(bundle.objects):
        save(as_yaml(thing).encode(), target, f"{number:02}-{thing['kind'].lower()}.yaml")


def save(data, *path):
    with open(os.path.join(*path), "wb") as out:
        out.write(data)


def as_json(blob):
    return json.dumps(blob, indent=4, ensure_ascii=False) + "\n"


def as_yaml(blob):
    """A document in block style, keys sorted, long lines folded behind column 80."""
    lines = ["---\n"]
    mapping(blob, "", "", lines.append)
    return "".join(lines)


def mapping(thing, first, indent, out):
    lead = first
    for key in sorted(thing):
        value = thing[key]
        head = f"{lead}{scalar(key, '', 0)}:"
        out(head)
        lead = indent
        node(value, indent, indent + "  ", len(head), out)


def node(value, dash, indent, column, out):
    """A value behind `key:` or `-` in that column: `dash` is the indent of a list, `indent` that of everything else."""
    if isinstance(value, dict) and value:
        out("\n")
        mapping(value, indent, indent, out)
    elif isinstance(value, list) and value:
        out("\n")
        for item in value:
            if isinstance(item, dict) and item:
                mapping(item, f"{dash}- ", dash + "  ", out)
            else:
                out(f"{dash}-")
                node(item, dash + "  ", dash + "  ", len(dash) + 1, out)
    else:
        out(f" {scalar(value, indent, column + 1)}\n")


TEXT = r"[^\x00-\x1f\x7f:#\U00010000-\U0010ffff]"
PLAIN = re.compile(rf"(?:[A-Za-z/(<=^$+~]|[^\x00-\x7f]|\d(?=[\w.]*[^\W\d_])|\d+\.\d+\.\d|-(?=[^ -])){TEXT}*(?:(?:(?<! )#|:(?! )){TEXT}+)*(?<! )")
OTHER = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null|\d*\.?\d*|\d{4}-\d\d-\d\d(T[\d:]+Z)?")
UGLY = re.compile(r"[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]")


def scalar(value, indent, column):
    if not isinstance(value, str):
        return {True: "true", False: "false", None: "null"}[value] if value is None or isinstance(value, bool) else json.dumps(value)
    if "\n" in value and not UGLY.search(value) and " \n" not in value and not value.endswith(" "):
        bare = value.rstrip("\n")
        keep = {0: "-", 1: ""}.get(len(value) - len(bare), "+")
        hint = "2" if value[0] in " \n" else ""
        return f"|{hint}{keep}\n" + "\n".join(indent + line if line else "" for line in value.split("\n")[:None if keep == "-" else -1])
    if PLAIN.fullmatch(value) and not OTHER.fullmatch(value):
        text, double = value, False
    elif UGLY.search(value) or "\n" in value or OTHER.fullmatch(value):
        text, double = json.dumps(value, ensure_ascii=False), True
    else:
        text, double = "'" + value.replace("'", "''") + "'", False
    return text if len(text) + column <= 80 or " " not in text else fold(text, indent, column)


def fold(text, indent, column):
    """Breaks a line at single spaces once it is longer than 80 characters."""
    made, line = [], 0
    for i, word in enumerate(re.split(r"(?<=[^ ]) (?=[^ ])", text)):
        if i:
            made.append(f"\n{indent}" if column > 80 else " ")
            column = len(indent) if column > 80 else column + 1
        made.append(word)
        column += len(word)
    return "".join(made)
