// The one place where LibTorch headers enter langevin. It is the precompiled header of the core, so a translation unit
// pays for ATen once per build and not once per file.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>
