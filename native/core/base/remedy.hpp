// Errors that say what to do in a field of their own, so that no program has to cut it out of the message.
#pragma once

#include <string>
#include <utility>

#include "base/error.hpp"

namespace langevin {

/// "<reason>; <remedy>", with both beside it as details.reason and details.remedy.
inline Error errorWithRemedy(Code code, const std::string& reason, const std::string& remedy, Map details) {
  details["reason"] = reason;
  details["remedy"] = remedy;
  return Error(code, reason + "; " + remedy, std::move(details));
}

}  // namespace langevin
