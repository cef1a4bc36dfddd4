"""Judges an STL with trimesh: prints one JSON line. Vertices are merged only where they are bit-identical."""
import json
import sys

import trimesh

mesh = trimesh.load(sys.argv[1], process=False)
mesh.merge_vertices(digits_vertex=6)
print(json.dumps({
    "watertight": bool(mesh.is_watertight),
    "winding_consistent": bool(mesh.is_winding_consistent),
    "volume_mm3": float(mesh.volume),
    "bodies": int(mesh.body_count),
    "triangles": int(len(mesh.faces)),
    "bounds_mm": mesh.bounds.tolist(),
}))
