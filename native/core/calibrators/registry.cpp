// kind -> calibrator. A new one is one file, its name in the list of declarations and its row.
#include "base/registry.hpp"
#include "calibrators/calibrator.hpp"

namespace langevin {

using CalibratorOfKind = const CalibratorKind&();
CalibratorOfKind temperatureCalibrator, plattCalibrator, vectorScalingCalibrator, isotonicCalibrator;

namespace {

const Registry<CalibratorOfKind*>& calibratorRegistry() {
  static const Registry<CalibratorOfKind*> registry = {
      "calibrator",
      {
          {"temperature", temperatureCalibrator},
          {"platt", plattCalibrator},
          {"vectorScaling", vectorScalingCalibrator},
          {"isotonic", isotonicCalibrator},
      },
  };
  return registry;
}

}  // namespace

const CalibratorKind& calibratorKind(const Spec& spec) { return calibratorRegistry().find(spec)(); }

}  // namespace langevin
