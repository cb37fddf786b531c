#include "js_bridge.h"

#include <utility>

namespace langevin::binding {
namespace {
constexpr std::chrono::milliseconds kProgressInterval{20};
}

void Mailbox::post(const std::shared_ptr<Mailbox>& box, Message message) {
  {
    std::lock_guard lock(box->mutex_);
    if (box->ended_) return;
    box->ended_ = message.kind == Message::Kind::Done || message.kind == Message::Kind::Error;
    bool announce = true;
    if (message.kind == Message::Kind::Progress) {
      std::erase_if(box->messages_, [](const Message& m) { return m.kind == Message::Kind::Progress; });
      const auto now = std::chrono::steady_clock::now();
      announce = now - box->lastProgress_ >= kProgressInterval;
      if (announce) box->lastProgress_ = now;
    }
    box->messages_.push_back(std::move(message));
    if (!announce || box->announced_) return;
    box->announced_ = true;
  }
  if (const auto bridge = box->bridge_.lock()) bridge->announce(box);
}

std::deque<Message> Mailbox::take() {
  std::lock_guard lock(mutex_);
  announced_ = false;
  return std::exchange(messages_, {});
}

std::shared_ptr<Bridge> Bridge::open(Napi::Env env, Drain drain) {
  std::shared_ptr<Bridge> bridge(new Bridge);
  bridge->drain_ = drain;
  const Napi::String name = Napi::String::New(env, "langevin");
  // The context is the bare pointer: close() runs in a cleanup hook, before Node lets go of the function.
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, bridge.get(), onCall,
                                      &bridge->function_) != napi_ok ||
      napi_unref_threadsafe_function(env, bridge->function_) != napi_ok)
    throw Napi::Error::New(env);
  return bridge;
}

Bridge::~Bridge() { close(); }

void Bridge::close() {
  std::vector<std::shared_ptr<Mailbox>> dropped;
  std::lock_guard lock(mutex_);
  dropped.swap(announced_);
  if (function_) napi_release_threadsafe_function(std::exchange(function_, nullptr), napi_tsfn_abort);
}

void Bridge::jobOpened(Napi::Env env) {
  if (openJobs_++ == 0 && function_) napi_ref_threadsafe_function(env, function_);
}

void Bridge::jobClosed(Napi::Env env) {
  if (--openJobs_ == 0 && function_) napi_unref_threadsafe_function(env, function_);
}

void Bridge::announce(const std::shared_ptr<Mailbox>& box) {
  // Held across the call: close() must not let Node free the function in the middle of it.
  std::lock_guard lock(mutex_);
  if (!function_) return;
  announced_.push_back(box);
  if (announced_.size() == 1) napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
}

std::vector<std::shared_ptr<Mailbox>> Bridge::takeAnnounced() {
  std::lock_guard lock(mutex_);
  return std::exchange(announced_, {});
}

void Bridge::onCall(napi_env env, napi_value, void* context, void*) {
  // Without an environment the function is being torn down.
  if (env) static_cast<Bridge*>(context)->drain_(env);
}

}  // namespace langevin::binding
