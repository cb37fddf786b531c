"""Lets a TorchEBM checkout be imported as it is: its version file exists only after its packaging has run."""

import os
import sys
import types

version = types.ModuleType("torchebm._version")
version.__version__ = os.environ.get("TORCHEBM_VERSION", "checkout")
sys.modules["torchebm._version"] = version
