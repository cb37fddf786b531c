// The functions this module offers to the binding: metrics, log Z, detectors.

#include "evaluation/functions.hpp"

namespace langevin {

const std::vector<Function>& evaluationFunctions() {
  static const std::vector<Function> table = [] {
    std::vector<Function> all;
    for (const auto* part : {&metricsFunctions(), &steinFunctions(), &partitionFunctions(), &likelihoodFunctions(),
                             &detectorFunctions(), &spandrelStudyFunctions(), &gridDensityFunctions()})
      all.insert(all.end(), part->begin(), part->end());
    return all;
  }();
  return table;
}

}  // namespace langevin
