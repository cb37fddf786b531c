// The one include site of napi.h, so that every file sees it with the same settings (cmake/addon.cmake
// sets the defines).
#pragma once

#ifndef NAPI_CPP_EXCEPTIONS
#error "the addon is written for C++ exceptions"
#endif
#if NAPI_VERSION < 9
#error "the addon needs N-API 9"
#endif

#include <napi.h>
