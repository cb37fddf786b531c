#include "base/error.hpp"

namespace langevin {

const char* codeName(Code code) {
  switch (code) {
    case Code::InvalidOption:
      return "ERR_LANGEVIN_INVALID_OPTION";
    case Code::Shape:
      return "ERR_LANGEVIN_SHAPE";
    case Code::Dtype:
      return "ERR_LANGEVIN_DTYPE";
    case Code::NonFinite:
      return "ERR_LANGEVIN_NON_FINITE";
    case Code::Disposed:
      return "ERR_LANGEVIN_DISPOSED";
    case Code::Busy:
      return "ERR_LANGEVIN_BUSY";
    case Code::Device:
      return "ERR_LANGEVIN_DEVICE";
    case Code::OutOfMemory:
      return "ERR_LANGEVIN_OUT_OF_MEMORY";
    case Code::Format:
      return "ERR_LANGEVIN_FORMAT";
    case Code::Io:
      return "ERR_LANGEVIN_IO";
    case Code::Diverged:
      return "ERR_LANGEVIN_DIVERGED";
    case Code::Unsupported:
      return "ERR_LANGEVIN_UNSUPPORTED";
    case Code::Aborted:
      return "ERR_LANGEVIN_ABORTED";
    case Code::Internal:
      break;
  }
  return "ERR_LANGEVIN_INTERNAL";
}

}  // namespace langevin
