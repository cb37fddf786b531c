"""State dicts in safetensors files, without the library."""

import json

import torch


def read_safetensors(path):
    """Eight bytes with the length of a JSON header, the header, the numbers."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    stored = {"F32": torch.float32, "F64": torch.float64}
    state = {}
    for name, entry in header.items():
        if name != "__metadata__":
            first, end = entry["data_offsets"]
            values = torch.frombuffer(bytearray(data[first:end]), dtype=stored[entry["dtype"]])
            state[name] = values.reshape(entry["shape"])
    return state
