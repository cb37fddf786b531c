#include "program/block_words.hpp"

#include <algorithm>

namespace langevin {

BlockWords BlockWords::read(const Spec& on) {
  BlockWords words;
  words.path_ = on.path();
  for (const Spec& entry : on.value().list() ? on.items() : std::vector<Spec>{on}) {
    if (entry.value().get<std::string>())
      words.entries_.emplace_back(entry.text());
    else if (const std::int64_t number = entry.integer(); number >= 0)
      words.entries_.emplace_back(number);
    else
      entry.invalid("the number of a block is 0 or above");
  }
  if (words.entries_.empty()) on.invalid("names no columns");
  return words;
}

std::vector<std::size_t> BlockWords::in(const Domain& domain) const {
  std::vector<std::size_t> blocks;
  for (const Entry& entry : entries_) {
    std::vector<std::size_t> found;
    if (const auto* word = std::get_if<std::string>(&entry))
      found = domain.blocksOf(*word);
    else if (std::get<std::int64_t>(entry) < static_cast<std::int64_t>(domain.blocks().size()))
      found = {static_cast<std::size_t>(std::get<std::int64_t>(entry))};
    if (found.empty()) refuse(entry, domain);
    blocks.insert(blocks.end(), found.begin(), found.end());
  }
  std::sort(blocks.begin(), blocks.end());
  blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
  return blocks;
}

void BlockWords::refuse(const Entry& entry, const Domain& domain) const {
  const auto* word = std::get_if<std::string>(&entry);
  throw Error(Code::InvalidOption,
              path_ + ": this energy has no columns '" + (word ? *word : std::to_string(std::get<1>(entry))) +
                  "'; it is over " + domain.describe(),
              {{"path", path_}});
}

}  // namespace langevin
