// Gibbs sweeps that take the sites of one colour, or a layer, at once: the enumerated law, which order is usual, and the
// step-by-step kernel. Chi-square tests at the level 1e-4 as in discrete_samplers_test.cpp.
#include "check.hpp"
#include "discrete_support.hpp"
#include "samplers/discrete.hpp"
#include "samplers/gibbs.hpp"

namespace langevin::test::discrete_lattice_test {
namespace {

/// Lattices whose sites are drawn colour by colour: two colours on even and open sides, more on odd ones.
const std::vector<EnergyRef>& lattices() {
  const auto lattice = [](const char* kind, List sides, Map more) {
    more["kind"] = kind;
    more["lattice"] = std::move(sides);
    return energyFrom(std::move(more));
  };
  static const std::vector<EnergyRef> all = {
      lattice("ising", {2, 4}, {{"coupling", 0.3}, {"field", 0.1}}),
      lattice("ising", {3, 3}, {{"coupling", 0.18}, {"field", 0.15}}),
      lattice("ising", {9}, {{"coupling", -1.0}, {"states", "binary"}, {"field", 0.9}}),
      lattice("ising", {2, 4}, {{"coupling", -0.35}, {"field", 0.2}, {"periodic", false}}),
      lattice("potts", {5}, {{"coupling", 1.0}, {"levels", 3}, {"field", List{0.0, 0.4, -0.3}}}),
      lattice("potts", {2, 3}, {{"coupling", 0.6}, {"levels", 3}, {"field", List{0.3, 0.0, 0.0}}}),
  };
  return all;
}

}  // namespace

TEST(gibbs_on_a_lattice_settles_at_the_enumerated_law_in_every_order) {
  for (const EnergyRef& energy : lattices())
    for (const double temperature : {1.0, 1.6}) {
      const at::Tensor law = lawOf(*energy, temperature);
      CHECK(law.max().item<double>() * static_cast<double>(law.size(0)) > 2 && law.max().item<double>() < 0.5);
      CHECK(chiSquareP(numbersOfStates(*energy, uniformStart(*energy)), law) < 1e-9);
      for (const char* order : {"", "blocks", "fixed", "random"}) {
        Map options{{"steps", 1}, {"temperature", temperature}};
        if (*order) options["order"] = order;
        const auto s = samplerOf("gibbs", options);
        CHECK(std::string(planTile(*s, *energy)->name()) == "fused");
        CHECK(settlingP(*s, *energy, law, 20) > kLevel);
      }
    }
}

TEST(the_usual_order_of_gibbs_is_in_blocks_where_there_are_some) {
  const auto same = [](const Energy& energy, const char* order, Map options = {{"steps", 1}}) {
    const at::Tensor start = uniformStart(energy, 300);
    const at::Tensor usual = after(*samplerOf("gibbs", options), energy, start, 3).x;
    options["order"] = order;
    return usual.equal(after(*samplerOf("gibbs", options), energy, start, 3).x);
  };
  CHECK(same(*rbmEnergy(), "blocks") && !same(*rbmEnergy(), "random"));
  CHECK(same(*rbmEnergy(), "random", {{"steps", 1}, {"temperature", 1.5}}));
  CHECK(same(*lattices()[1], "blocks") && !same(*lattices()[1], "fixed"));
  CHECK(same(*isingEnergy("spin"), "random") && same(*networkEnergy("binary", 8), "random"));
  const auto refused = [](const Energy& energy, Map options) {
    options["order"] = "blocks";
    CHECK_THROWS(after(*samplerOf("gibbs", options), energy, uniformStart(energy, 4), 1), Error);
  };
  refused(*isingEnergy("spin"), {{"steps", 1}});
  refused(*networkEnergy("binary", 8), {{"steps", 1}});
  refused(*rbmEnergy(), {{"steps", 1}, {"temperature", 1.5}});
}

TEST(sites_of_a_colour_do_not_interact) {
  const EnergyRef even = energyFrom({{"kind", "ising"}, {"lattice", List{6, 8}}});
  const auto graph = siteGraphOf(*even);
  CHECK(graph && graph->sites() == 48);
  for (std::size_t i = 0; i < 48; ++i) {  // the first half of the order are the black squares
    const std::int64_t s = graph->order[i];
    CHECK((s / 8 + s % 8) % 2 == (i < 24 ? 0 : 1));
    CHECK(graph->first[i + 1] - graph->first[i] == 4);
  }
  CHECK(!siteGraphOf(*isingEnergy("spin")) && !siteGraphOf(*rbmEnergy()));
}

TEST(the_loop_over_a_lattice_is_the_step_by_step_kernel) {
  for (const EnergyRef& energy : lattices())
    for (const char* order : {"blocks", "fixed"}) {
      const auto s = samplerOf("gibbs", {{"steps", 1}, {"order", order}, {"temperature", 0.9}});
      const at::Tensor start = uniformStart(*energy, 500);
      const Chains fused = after(*s, *energy, start, 7), again = after(*s, *energy, start, 7, 2);
      CHECK(again.x.equal(fused.x) && again.energy.equal(fused.energy));
      const at::Tensor now = energy->energyOf(energy->rows(fused.x, {}));
      CHECK_NEAR((now - fused.energy).abs().max().item<double>(), 0, 1e-12);
      Chains plain;
      plain.x = start;
      const Random random(17);
      Tally tally;
      s->init(plain, *energy, random, 0);
      for (std::int64_t t = 0; t < 7; ++t)
        s->step(plain, *energy, StepClock{t, 7, static_cast<std::uint64_t>(t)}, random, tally);
      CHECK(plain.x.equal(fused.x));
    }
}

}  // namespace langevin::test::discrete_lattice_test
