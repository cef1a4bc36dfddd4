"""Judges a 3MF against the STL of the same part: part_as_3mf.py PART.3mf PART.stl prints one JSON line.

The package is read by what the 3MF core specification says (zip, relationships, model), not by a library for it.
"""

import json
import sys
import xml.etree.ElementTree as tree
import zipfile

import numpy as np
import trimesh

CORE = "{http://schemas.microsoft.com/3dmanufacturing/core/2015/02}"
package = zipfile.ZipFile(sys.argv[1])
relations = tree.fromstring(package.read("_rels/.rels"))
model_name = next(r.get("Target") for r in relations if r.get("Type").endswith("/3dmodel")).lstrip("/")
types = tree.fromstring(package.read("[Content_Types].xml"))
declared = {t.get("Extension"): t.get("ContentType") for t in types if t.get("Extension")}
model = tree.fromstring(package.read(model_name))
objects = model.findall(f"{CORE}resources/{CORE}object")
items = model.findall(f"{CORE}build/{CORE}item")
body = objects[0].find(f"{CORE}mesh")
vertices = np.array([[float(v.get(a)) for a in "xyz"] for v in body.find(f"{CORE}vertices")])
faces = np.array([[int(t.get(a)) for a in ("v1", "v2", "v3")] for t in body.find(f"{CORE}triangles")])
mesh = trimesh.Trimesh(vertices, faces, process=False)
stl = trimesh.load(sys.argv[2], process=False)
print(
    json.dumps(
        {
            "unit": model.get("unit"),
            "model_type": declared.get(model_name.rsplit(".", 1)[-1]),
            "built": [i.get("objectid") for i in items] == [objects[0].get("id")] and len(objects) == 1,
            "metadata": {m.get("name"): m.text for m in model.findall(f"{CORE}metadata")},
            # Topology is in the file: nothing is merged here.
            "watertight": bool(mesh.is_watertight),
            "winding_consistent": bool(mesh.is_winding_consistent),
            "volume_mm3": float(mesh.volume),
            "stl_volume_mm3": float(stl.volume),
            "triangles_equal": bool(np.array_equal(np.float32(mesh.triangles), np.float32(stl.triangles))),
        }
    )
)
