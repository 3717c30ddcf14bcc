"""Print the components for Streamlit that the installed packages contain, as a JSON array.

It imports none of them and runs with the Python of the app, whatever its version. It reads only packages that say that
they are for Streamlit, as Streamlit's own search for components does (streamlit/components/v2/manifest_scanner.py of
1.67), and at most LIMIT bytes of them.
"""

import json
import os
import re
from importlib import metadata
from urllib.parse import unquote, urlsplit

LIMIT = 64 << 20
LARGEST = 8 << 20  # bytes of one file

FRAME = re.compile(r"""(?<!def )\bdeclare_component\s*\(\s*(?:name\s*=\s*)?(?:["']([^"'\n]*)["'])?""")
PAGE = re.compile(r"""\bv2\.component\s*\(\s*(?:name\s*=\s*)?(?:["']([^"'\n]*)["'])?""")
PAGE_IMPORT = re.compile(r"from\s+streamlit\.components\.v2\s+import\s+[^\n]*\bcomponent\b")
PAGE_CALL = re.compile(r"""(?<!def )(?<![\w.])component\s*\(\s*(?:name\s*=\s*)?(?:["']([^"'\n]*)["'])?""")
MANIFEST = re.compile(r"^\s*\[+\s*tool\.streamlit\.component\b", re.M)
MANIFEST_NAME = re.compile(r"""\bname\s*=\s*["']([^"'\n]+)["']""")

# What a page without the app's origin does not have. Source: HTML, "opaque origin"; Web Storage; Service Workers.
NEEDS = {
    "document.cookie": re.compile(r"\bdocument\.cookie\b"),
    "localStorage": re.compile(r"\blocalStorage\b"),
    "sessionStorage": re.compile(r"\bsessionStorage\b"),
    "indexedDB": re.compile(r"\bindexedDB\b"),
    "serviceWorker": re.compile(r"\bserviceWorker\b"),
    "Worker": re.compile(r"\bnew (?:Shared)?Worker\("),
    "getUserMedia": re.compile(r"\bgetUserMedia\b"),
    "parent.document": re.compile(r"\b(?:parent|top)\.document\b"),
    "parent.location": re.compile(r"\b(?:parent|top|opener)\.location\b"),
    "location of its popup": re.compile(r"\bwindow\.open\([\s\S]{1,3000}?\.location\.(?:href|search|hash)\b"),
    "/_stcore/": re.compile(r"/_stcore/"),
}


def is_for_streamlit(dist):
    name = (dist.metadata["Name"] or "").lower()
    if name == "streamlit":
        return False
    said = [name, (dist.metadata["Summary"] or "").lower()]
    said += [r.lower() for r in dist.metadata.get_all("Requires-Dist") or []]
    return name.startswith(("st-", "st_")) or any("streamlit" in text for text in said)


def files_of(dist):
    """Yield the files of a package with their names relative to where Python imports from."""
    for file in dist.files or []:
        yield str(file), str(dist.locate_file(file))
    try:
        origin = json.loads(dist.read_text("direct_url.json") or "{}")
    except ValueError:
        origin = {}
    if not origin.get("dir_info", {}).get("editable"):
        return
    root = unquote(urlsplit(origin["url"]).path)
    for base in (os.path.join(root, "src"), root):
        for directory, below, names in os.walk(base):
            below[:] = [d for d in below if d not in ("node_modules", ".git", ".venv", "venv", "tests")]
            for name in names:
                file = os.path.join(directory, name)
                yield os.path.relpath(file, base), file
        if os.path.isdir(base):
            return


def module_of(name):
    name = name[: -len(".py")].replace(os.sep, "/")
    return (name[: -len("/__init__")] if name.endswith("/__init__") else name).replace("/", ".")


def read(file):
    """Return the text of a file; it is empty if there is none to read."""
    global left
    try:
        size = min(os.path.getsize(file), LARGEST)
        if size > left:
            return ""
        left -= size
        with open(file, encoding="utf-8", errors="replace") as f:
            return f.read(LARGEST)
    except OSError:
        return ""


def declared(name, text):
    """Return the components that a Python file declares: their names, and whether each runs in the app's page."""
    module = module_of(name)
    frames = [(module + "." + (m.group(1) or "…"), False) for m in FRAME.finditer(text)]
    calls = list(PAGE.finditer(text)) + (list(PAGE_CALL.finditer(text)) if PAGE_IMPORT.search(text) else [])
    return frames + [(m.group(1) or module + ".…", True) for m in calls]


def look(dist):
    found, needs = {}, set()
    for name, file in files_of(dist):
        kind = os.path.splitext(name)[1]
        if kind == ".py":
            found.update(declared(name, read(file)))
        elif os.path.basename(name) == "pyproject.toml":
            text = read(file)
            at = MANIFEST.search(text)
            if at:
                package = dist.metadata["Name"]
                found.update((package + "." + n, True) for n in MANIFEST_NAME.findall(text[at.end() :]))
        elif kind in (".js", ".mjs", ".html", ".htm"):
            text = read(file)
            needs.update(word for word, pattern in NEEDS.items() if pattern.search(text))
    return [
        {"name": name, "package": dist.metadata["Name"], "version": dist.version, "in_page": in_page, "needs": sorted(needs)}
        for name, in_page in sorted(found.items())
    ]


left = LIMIT
out = []
for dist in metadata.distributions():
    if is_for_streamlit(dist):
        out += look(dist)
print(json.dumps(sorted(out, key=lambda c: (c["package"].lower(), c["name"]))))
