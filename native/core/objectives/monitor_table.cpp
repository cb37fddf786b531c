#include "objectives/monitor_table.hpp"

#include <cmath>
#include <sstream>

#include "base/error.hpp"

namespace langevin {
namespace {

using MonitorSide = Monitor::Side;

const char* sideName(MonitorSide side) {
  switch (side) {
    case MonitorSide::None:
      return "none";
    case MonitorSide::Above:
      return "above";
    case MonitorSide::Below:
      return "below";
    case MonitorSide::AboveInSize:
      return "aboveInSize";
    case MonitorSide::AwayFromOne:
      return "awayFromOne";
    case MonitorSide::OnRequest:
      return "onRequest";
  }
  return "";
}

Value textOrNull(const char* text) { return text ? Value(text) : Value(); }

bool hasLimit(const Monitor& monitor) {
  return monitor.side != MonitorSide::None && monitor.side != MonitorSide::OnRequest;
}

}  // namespace

// A row here needs its row in src/training/monitors.ts; docs/reference/monitors.md is written from both.
const std::vector<Monitor>& monitorTable() {
  static const std::vector<Monitor> table = {
      {"loss"},
      {"validationLoss"},
      {"gradientNorm"},
      {"parameterNorm"},
      {"lr"},
      {"logZ"},
      {"energyData"},
      {"energyNegatives"},
      {"gap", MonitorSide::AboveInSize, 20, "gap", "error", "the negatives are not samples of the model",
       "more sampler steps, a smaller lr, or penalties: { energy: 0.1 }"},
      {"energyPenalty"},
      {"gradientPenalty"},
      {"l1Penalty"},
      {"energyUniform"},
      {"uniformGap", MonitorSide::Below, -0.5, "holes", "warning",
       "uniform noise is more probable than data under this energy",
       "more or longer chains, starts from noise (reinitFrom: 'uniform')"},
      // The limit of a sampler with a Metropolis test; MonitorLimits has the one of a sampler without.
      {"acceptance", MonitorSide::Below, 0.2, "step-size", "warning",
       "that is the share of sampler steps a Metropolis test accepts, or would accept: the chains follow a law biased "
       "by the step size, or barely move",
       "a smaller stepSize"},
      {"displacement", MonitorSide::Below, 0.01, "stuck", "warning",
       "chains barely move (in units of the spread of the data), so negatives stay where they started",
       "a larger stepSize or more steps"},
      {"clippedShare", MonitorSide::Above, 0.1, "clipped", "warning",
       "clipped gradients are not those of the energy, the chains follow another law", "a larger clip or a smaller lr"},
      {"clampedShare", MonitorSide::Above, 0.1, "clamped", "warning", "chains pile up on the border of the box",
       "mode: 'reflect', a wider box, or a gaussianBase"},
      {"drift", MonitorSide::AboveInSize, 1, "non-convergent", "warning",
       "that is E at the ends of short chains less E at the ends of long ones: short chains have not converged and "
       "long ones end elsewhere (non-convergent learning)",
       "more steps, a larger longChains.weight or a smaller lr"},
      {"effectiveTemperature", MonitorSide::AwayFromOne, 0.01, "temperature", "warning",
       "what is learned is an energy whose law at that temperature fits the data, not the density exp(-E) / Z",
       "temperature: 1, or for the heuristic form of langevin noise = sqrt(2 stepSize)", true},
      {"shortRun", MonitorSide::OnRequest, 0, "short-run", "warning",
       "what is learned is a sampler of these steps from this start, not the density exp(-E) / Z; longer chains, log Z "
       "and likelihoods of this energy are meaningless",
       "mode: 'data' or persistentContrastiveDivergence for a density; leave it when samples are what you want", true},
      {"restartShare"},
      {"bufferAge"},
      {"bufferSaturation"},
      {"effectiveNegatives", MonitorSide::Below, 2, "few-negatives", "warning",
       "the importance weights rest on fewer than 2 negatives",
       "a gamma nearer to 0, penalties: { energy: 1 }, or more chains", true},
      {"effectiveData"},
      {"samplerKlEnergy"},
      {"entropy"},
      {"accuracy"},
      {"crossEntropy"},
      {"recoveries", MonitorSide::OnRequest, 0, "recovered", "warning",
       "the run diverged, went back to earlier weights and went on with new chains and a smaller learning rate",
       "a smaller lr, penalties: { energy: 0.1 }, or more sampler steps, so that it does not diverge", true},
      {"divergence"},
      {"discrepancy"},
      {"criticSquare"},
      {"helperGradientNorm"},
      {"criticGradientNorm"},
  };
  return table;
}

const Monitor& monitorNamed(const std::string& name) {
  for (const Monitor& monitor : monitorTable())
    if (name == monitor.name) return monitor;
  fail(Code::Internal, "there is no monitor '", name,
       "': add a row to objectives/monitor_table.cpp and to src/training/monitors.ts");
}

bool Monitor::passed(double value, double bound) const {
  switch (side) {
    case MonitorSide::None:
      return false;
    case MonitorSide::Above:
      return value > bound;
    case MonitorSide::Below:
      return value < bound;
    case MonitorSide::AboveInSize:
      return std::abs(value) > bound;
    case MonitorSide::AwayFromOne:
      return std::abs(value - 1) > bound;
    case MonitorSide::OnRequest:
      return true;
  }
  return false;
}

Map warningEvent(const Monitor& monitor, std::int64_t step, double value, double bound, const std::string& message) {
  if (!monitor.code) fail(Code::Internal, "the monitor '", monitor.name, "' has no code and no remedy to warn with");
  std::ostringstream text;
  if (message.empty())
    text << monitor.name << " is " << value << ", " << (monitor.side == MonitorSide::Below ? "below " : "beyond ")
         << bound << ": " << monitor.reading;
  return {{"type", "warning"},
          {"step", step},
          {"monitor", monitor.name},
          {"code", monitor.code},
          {"severity", monitor.severity},
          {"value", value},
          {"limit", hasLimit(monitor) ? Value(bound) : Value()},
          {"message", message.empty() ? text.str() : message},
          {"remedy", monitor.remedy}};
}

List describeMonitors() {
  List rows;
  for (const Monitor& monitor : monitorTable())
    rows.emplace_back(Map{{"name", monitor.name},
                          {"side", sideName(monitor.side)},
                          {"limit", hasLimit(monitor) ? Value(monitor.limit) : Value()},
                          {"code", textOrNull(monitor.code)},
                          {"severity", textOrNull(monitor.severity)},
                          {"reading", textOrNull(monitor.reading)},
                          {"remedy", textOrNull(monitor.remedy)}});
  return rows;
}

}  // namespace langevin
