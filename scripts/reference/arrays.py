"""Array files as NumPy itself writes and reads them.

As a script it reads one JSON request from standard input and writes one JSON answer to standard output:
  {"write": "folder"} writes <dtype>-<order>.npy for many dtypes, stored.npz and deflated.npz there, all holding
      values(dtype) below, and text.npz, pickled.npy; answers with the values as lists
  {"read": "file.npy"} -> {"dtype", "shape", "values", "fortran"}
"""

import json
import os
import sys

import numpy as np

DTYPES = ["<f8", "<f4", "<f2", "<i8", "<i4", "<i2", "|i1", "|u1", "<u2", "<u4", "|b1", ">f8", ">f4", ">i4", ">i2"]


def values(dtype):
    numbers = np.arange(6).reshape(2, 3) - (0 if dtype[1] in "ub" else 2)
    return (numbers * 1.5).astype(dtype) if dtype[1] == "f" else numbers.astype(dtype)


def write(folder):
    answer = {}
    for dtype in DTYPES:
        array = values(dtype)
        for order in "CF":
            name = dtype.replace("<", "le").replace(">", "be").replace("|", "") + "-" + order
            np.save(os.path.join(folder, name + ".npy"), np.asarray(array, order=order))
            answer[name] = array.astype(float).tolist()
    x, y = values("<f8"), np.array([0, 1])
    np.savez(os.path.join(folder, "stored.npz"), X=np.asfortranarray(x), y=y)
    np.savez_compressed(os.path.join(folder, "deflated.npz"), X=np.asfortranarray(x), y=y)
    np.savez(os.path.join(folder, "text.npz"), names=np.array(["b", "äö", "b"]), y=np.arange(3))
    np.save(os.path.join(folder, "pickled.npy"), np.array([{}, None], dtype=object), allow_pickle=True)
    np.save(os.path.join(folder, "scalar.npy"), np.float64(2.5))
    np.save(os.path.join(folder, "records.npy"), np.zeros(2, dtype=[("a", "<f8"), ("b", "<i4")]))
    for version in ((2, 0), (3, 0)):
        with open(os.path.join(folder, f"version{version[0]}.npy"), "wb") as file:
            np.lib.format.write_array(file, x, version=version)
    return answer


def read(path):
    array = np.load(path, allow_pickle=False)
    return {"dtype": array.dtype.str, "shape": list(array.shape), "values": array.astype(float).tolist()}


if __name__ == "__main__":
    request = json.load(sys.stdin)
    json.dump(write(request["write"]) if "write" in request else [read(path) for path in request["read"]], sys.stdout)
