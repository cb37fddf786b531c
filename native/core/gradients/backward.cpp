// The way back over the records of one tape or of several.
#include <algorithm>

#include "gradients/tape.hpp"

namespace langevin {
namespace {

// parts[0] += parts[1] + parts[2] + ..., in that order; a piece of it stays in cache while the others come by.
void addUp(at::Tensor* parts, std::size_t count) {
  constexpr std::int64_t kPiece = 2048;
  if (!parts[0].is_cpu() || parts[0].scalar_type() != at::kFloat) {
    for (std::size_t i = 1; i < count; ++i) parts[0].add_(parts[i]);
    return;
  }
  auto* sum = parts[0].mutable_data_ptr<float>();
  for (std::int64_t first = 0, all = parts[0].numel(); first < all; first += kPiece)
    for (std::size_t i = 1; i < count; ++i)
      tileKernels().axpy(1.0f, parts[i].const_data_ptr<float>() + first, sum + first, std::min(kPiece, all - first));
}

// Adds derivatives in closed form to those of the graph.
void addKnown(std::vector<at::Tensor>& found, const std::vector<at::Tensor>& inputs,
              const std::vector<Derivative>& known) {
  for (const Derivative& d : known) {
    const auto at = std::find_if(inputs.begin(), inputs.end(), [&](const at::Tensor& t) { return t.is_same(d.of); });
    if (at == inputs.end()) fail(Code::Internal, "a derivative by something that this step did not record");
    if (!d.value.sizes().equals(d.of.sizes()))
      fail(Code::Internal, "a derivative of shape ", c10::str(d.value.sizes()), " by values of shape ",
           c10::str(d.of.sizes()));
    at::Tensor& sum = found[static_cast<std::size_t>(at - inputs.begin())];
    sum = sum.defined() ? sum + d.value : d.value;
  }
}

// d loss / d value of a record from that of its leaves, zeros where the loss does not depend on one; undefined where it
// depends on none. `columns`: how many leaves lie side by side in a part.
at::Tensor outerOf(const std::vector<at::Tensor>& leaves, std::vector<at::Tensor>::const_iterator gradient,
                   std::size_t columns) {
  std::vector<at::Tensor> outer(gradient, gradient + static_cast<std::ptrdiff_t>(leaves.size()));
  bool any = false;
  for (const at::Tensor& g : outer) any |= g.defined();
  if (!any) return {};
  for (std::size_t i = 0; i < outer.size(); ++i)
    if (!outer[i].defined()) outer[i] = at::zeros_like(leaves[i]);
  std::vector<at::Tensor> parts;
  for (std::size_t i = 0; i < outer.size(); i += columns)
    parts.push_back(columns == 1 ? outer[i] : at::cat(at::ArrayRef<at::Tensor>(outer).slice(i, columns), 1));
  return parts.size() == 1 ? parts[0].contiguous() : at::cat(parts);
}

}  // namespace

// What the loss asks of a tile, added up over its rows.
template <class T>
void Tape::addFusedGradient(const Piece& piece, at::Tensor& flat) const {
  const Record& record = *piece.record;
  const FusedQuantityOf<T>& fused = *record.quantity.fused->of<T>();
  const FusedTileOf<T> tile = fusedTile<T>(record, piece.tile);
  const at::Tensor& outer = piece.outer;
  const T* weights = outer.const_data_ptr<T>() + tile.range.first * (outer.numel() / outer.size(0));
  if (record.parameters) fused.parameterGradient(tile, weights, flat.data_ptr<T>());
  for (const Input& input : record.inputs)
    fused.inputGradient(tile, weights, input.gradient.data_ptr<T>() + tile.range.first * input.gradient.size(1));
}

void Tape::addTensorGradient(const Piece& piece, at::Tensor& flat) const {
  const Record& record = *piece.record;
  const Tile& tile = record.tiles[piece.tile];
  const TileRange range = record.ranges[piece.tile];
  const at::Tensor outer = piece.outer.slice(0, range.first, range.last);
  if (record.path == Path::ByHand) {
    at::NoGradGuard guard;
    return network_.parameters().accumulate(flat,
                                            record.quantity.byHand->parameterGradient(compiled_, *tile.kept, outer));
  }
  if (!tile.value.requires_grad()) return;
  std::vector<at::Tensor> inputs;
  for (const at::Tensor& leaf : tile.parameters)
    if (leaf.requires_grad()) inputs.push_back(leaf);
  inputs.insert(inputs.end(), tile.inputs.begin(), tile.inputs.end());
  std::vector<at::Tensor> found =
      torch::autograd::grad({tile.value}, inputs, {outer}, std::nullopt, false, /*allow_unused=*/true);
  std::vector<at::Tensor> gradients(tile.parameters.size());
  std::size_t k = 0;
  for (std::size_t i = 0; i < tile.parameters.size(); ++i)
    if (tile.parameters[i].requires_grad()) gradients[i] = std::move(found[k++]);
  at::NoGradGuard guard;
  network_.parameters().accumulate(flat, gradients);
  for (const Input& input : record.inputs) {
    const at::Tensor& g = found[k++];
    if (g.defined()) input.gradient.slice(0, range.first, range.last).copy_(g);
  }
}

// Zeroed buffers of one gradient each: allocated every step, they would be most of what a small step allocates.
at::Tensor* Tape::blanks(std::size_t count) {
  while (gradients_.size() < taken_ + count) gradients_.push_back(at::empty_like(network_.parameters().flat()));
  at::Tensor* first = gradients_.data() + taken_;
  for (std::size_t i = 0; i < count; ++i) first[i].zero_();
  taken_ += count;
  return first;
}

// Runs the pieces and returns their parameter gradient [P]. Pieces that follow each other share a buffer; how many do
// depends on nothing but their number.
at::Tensor Tape::addPieces(const std::vector<Piece>& pieces) {
  const std::size_t groups = std::clamp<std::size_t>(pieces.size() / 2, std::min<std::size_t>(pieces.size(), 2), 32);
  at::Tensor* parts = blanks(std::max<std::size_t>(groups, 1));
  const bool cuda = network_.device().is_cuda();
  parallelTiles(static_cast<std::int64_t>(groups), cuda ? 1 : threads_, [&](std::int64_t i) {
    const auto k = static_cast<std::size_t>(i);
    for (std::size_t at = k * pieces.size() / groups; at < (k + 1) * pieces.size() / groups; ++at)
      if (pieces[at].record->path == Path::Fused)
        network_.withTiles([&]<class T>(const TileProgramOf<T>&) { addFusedGradient<T>(pieces[at], parts[k]); });
      else
        addTensorGradient(pieces[at], parts[k]);
  });
  addUp(parts, groups);
  return parts[0];
}

/// One run over all records, from the last to the first.
class BackwardPass {
 public:
  BackwardPass(const std::vector<Tape*>& tapes, const std::vector<at::Tensor>& extras, const std::vector<Tape*>& others)
      : tapes_(tapes) {
    for (std::size_t t = 0; t < tapes.size(); ++t)
      for (Tape::Record& record : tapes[t]->records_) records_.push_back({t, &record, 0, false});
    std::sort(records_.begin(), records_.end(),
              [](const Entry& a, const Entry& b) { return a.record->number < b.record->number; });
    for (Entry& e : records_) {
      e.firstLeaf = sources_.size();
      sources_.insert(sources_.end(), e.record->leaves.begin(), e.record->leaves.end());
      flows_ |= e.record->flowsOn();
    }
    sources_.insert(sources_.end(), extras.begin(), extras.end());
    endOfExtras_ = sources_.size();
    extras_ = extras.size();
    for (const Tape* tape : tapes) refuse(*tape, tape->spent_, true);
    for (const Tape* tape : others) {
      refuse(*tape, tape->spent_, true);
      for (const Tape::Record& record : tape->records_) refuse(*tape, record.leaves, false);
    }
    sums_.resize(tapes.size());
  }

  JointGradients run(const at::Tensor& loss, const std::vector<Derivative>& known) {
    found_.resize(sources_.size());
    if (loss.requires_grad()) found_ = torch::autograd::grad({loss}, sources_, {}, flows_, false, true);
    requireNothingRefused(found_);
    at::NoGradGuard guard;
    addKnown(found_, sources_, known);
    // A stage ends with a record that others may be upstream of: they wait until it has handed its gradients on.
    for (std::size_t end = records_.size(); end > 0;) {
      std::size_t begin = end;
      do --begin;
      while (begin > 0 && !records_[begin].record->flowsOn());
      runStage(begin, end);
      end = begin;
    }
    return result();
  }

 private:
  // A source that the loss must not reach.
  struct Refused {
    const Tape* tape;
    bool consumed;
  };
  void refuse(const Tape& tape, const std::vector<at::Tensor>& leaves, bool consumed) {
    sources_.insert(sources_.end(), leaves.begin(), leaves.end());
    refused_.resize(refused_.size() + leaves.size(), {&tape, consumed});
  }
  void requireNothingRefused(const std::vector<at::Tensor>& found) const {
    for (std::size_t i = 0; i < refused_.size(); ++i) {
      if (!found[endOfExtras_ + i].defined()) continue;
      const auto& [tape, consumed] = refused_[i];
      if (consumed)
        fail(Code::Internal, "the loss depends on a record of '", tape->name_,
             "' that an earlier backward() of this step consumed: record the rows again, or detach() its value");
      fail(Code::Internal, "the loss depends on a record of '", tape->name_,
           "', whose gradient was not asked for: list it in backward(), or detach() its value");
    }
  }

  struct Entry {
    std::size_t tape;
    Tape::Record* record;
    std::size_t firstLeaf;  // in sources_
    bool reached;           // by the loss
  };

  void runStage(std::size_t begin, std::size_t end) {
    for (std::size_t t = 0; t < tapes_.size(); ++t) {
      pieces_.clear();
      for (std::size_t i = begin; i < end; ++i)
        if (records_[i].tape == t) collect(records_[i]);
      if (pieces_.empty()) continue;
      const at::Tensor sum = tapes_[t]->addPieces(pieces_);
      sums_[t] = sums_[t].defined() ? sums_[t].add_(sum) : sum;
    }
    if (records_[begin].reached && records_[begin].record->flowsOn()) flowOn(*records_[begin].record);
  }

  // The record's tiles with what the loss asks of them.
  void collect(Entry& entry) {
    Tape::Record& record = *entry.record;
    const auto first = found_.cbegin() + static_cast<std::ptrdiff_t>(entry.firstLeaf);
    const at::Tensor outer = outerOf(record.leaves, first, std::max<std::size_t>(record.quantity.columns.size(), 1));
    entry.reached = outer.defined();
    for (Tape::Input& input : record.inputs)
      input.gradient = at::zeros_like(Tape::tensorOf(input.tensor, record.rows, record.quantity.perRow));
    if (!entry.reached || (!record.parameters && record.inputs.empty())) return;
    for (std::size_t k = 0; k < record.tiles.size(); ++k) pieces_.push_back({&record, k, outer});
  }

  // From the inputs of a record to the leaves and extras they are made of.
  void flowOn(const Tape::Record& record) {
    std::vector<at::Tensor> given, gradients;
    for (const Tape::Input& input : record.inputs)
      for (std::int64_t first = 0; const at::Tensor& part : input.given) {
        const at::Tensor gradient = input.gradient.slice(0, first, first + part.size(0));
        first += part.size(0);
        if (!part.requires_grad()) continue;
        given.push_back(part);
        gradients.push_back(gradient);
      }
    at::AutoGradMode enable(true);
    const std::vector<at::Tensor> more = torch::autograd::grad(given, sources_, gradients, true, false, true);
    requireNothingRefused(more);
    at::NoGradGuard guard;
    for (std::size_t i = 0; i < more.size(); ++i)
      if (more[i].defined()) found_[i] = found_[i].defined() ? found_[i] + more[i] : more[i];
  }

  JointGradients result() {
    JointGradients all;
    for (std::size_t t = 0; t < tapes_.size(); ++t)
      all.parameters.push_back(sums_[t].defined() ? sums_[t] : tapes_[t]->addPieces({}));
    for (std::size_t i = endOfExtras_ - extras_; i < endOfExtras_; ++i)
      all.extras.push_back(found_[i].defined() ? found_[i].detach() : at::zeros_like(sources_[i]).detach());
    all.inputs.resize(tapes_.size());
    for (const Entry& e : records_) addInputs(*e.record, all.inputs[e.tape]);
    consume();
    return all;
  }

  // A record that the loss did not reach stays for another one.
  void consume() {
    for (const Entry& e : records_) {
      if (!e.reached) continue;
      Tape& tape = *tapes_[e.tape];
      tape.spent_.insert(tape.spent_.end(), e.record->leaves.begin(), e.record->leaves.end());
      tape.release(*e.record);
      e.record->consumed = true;
    }
    for (Tape* tape : tapes_) std::erase_if(tape->records_, [](const Tape::Record& r) { return r.consumed; });
  }

  static void addInputs(const Tape::Record& record, std::vector<Batch>& to) {
    const std::size_t first = to.size();
    for (const Tape::Input& input : record.inputs) {
      if (input.tensor > 1) continue;
      to.resize(first + input.given.size());
      std::int64_t row = 0;
      for (std::size_t i = 0; i < input.given.size(); ++i) {
        at::Tensor& gradient = input.tensor == 0 ? to[first + i].x : to[first + i].y;
        const std::int64_t rows = input.given[i].size(0);
        gradient = input.gradient.slice(0, row, row + rows);
        row += rows;
      }
    }
  }

  const std::vector<Tape*>& tapes_;
  std::vector<Entry> records_;       // in the order they were made
  std::vector<at::Tensor> sources_;  // every record's leaves, then the extras, then what must not be reached
  std::vector<Refused> refused_;     // the last of sources_
  std::vector<at::Tensor> found_;    // d loss / d sources
  std::size_t extras_ = 0, endOfExtras_ = 0;
  bool flows_ = false;
  std::vector<at::Tensor> sums_;     // parameter gradients of each tape so far; undefined where nothing ran
  std::vector<Tape::Piece> pieces_;  // of the tape at work
};

JointGradients backward(const at::Tensor& loss, const std::vector<Tape*>& tapes, const std::vector<at::Tensor>& extras,
                        const std::vector<Derivative>& known, const std::vector<Tape*>& others) {
  if (!loss.requires_grad() && known.empty())
    fail(Code::Unsupported, "the loss depends on no parameter: the energy has nothing to learn");
  return BackwardPass(tapes, extras, others).run(loss, known);
}

Tape::Gradients Tape::backward(const at::Tensor& loss, const std::vector<at::Tensor>& extras,
                               const std::vector<Derivative>& known) {
  JointGradients joint = langevin::backward(loss, {this}, extras, known);
  return {joint.parameters[0], std::move(joint.extras), std::move(joint.inputs[0])};
}

}  // namespace langevin
