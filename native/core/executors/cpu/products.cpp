#include "executors/cpu/products.hpp"

#include "executors/cpu/tile_ops.hpp"

namespace langevin {

namespace {

// Few columns, rows of `a` dense: dot products.
void multiplyDots(at::Tensor& out, const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor columns = b.t().contiguous();
  tileKernels().dotColumns(a.const_data_ptr<float>(), columns.const_data_ptr<float>(), out.data_ptr<float>(), a.size(0),
                           a.size(1), b.size(1));
}

// Few columns, columns of `a` dense: out' = b' a', which has few rows instead.
void multiplyTurned(at::Tensor& out, const at::Tensor& a, const at::Tensor& b, bool add) {
  const at::Tensor turned = product(b.t(), a.t());
  if (add)
    out.add_(turned.t());
  else
    out.copy_(turned.t());
}

}  // namespace

void multiplyInto(at::Tensor& out, const at::Tensor& a, const at::Tensor& b, bool add) {
  const bool rows = a.stride(1) == 1, columns = a.stride(0) == 1;
  const bool own = out.is_cpu() && out.scalar_type() == at::kFloat && out.is_contiguous() && (rows || columns);
  if (!own) {
    if (add)
      out.addmm_(a, b);
    else
      at::mm_out(out, a, b);
    return;
  }
  if (b.size(1) < kThinInput && a.size(0) >= kThinInput) {  // a panel of B is some 32 columns wide
    if (!rows) return multiplyTurned(out, a, b, add);
    if (!add && a.is_contiguous()) return multiplyDots(out, a, b);
  }
  const TileKernels& kernels = tileKernels();
  Product p;
  p.rows = a.size(0);
  p.depth = a.size(1);
  p.cols = b.size(1);
  p.a = a.const_data_ptr<float>();
  p.turned = !rows;
  p.lda = rows ? a.stride(0) : a.stride(1);
  p.b = {b.const_data_ptr<float>(), b.stride(0), b.stride(1)};
  const at::Tensor panel = at::empty({kernels.packedFloats(p.depth, 1)}, out.options());
  p.panel = panel.data_ptr<float>();
  p.c = out.data_ptr<float>();
  p.add = add;
  kernels.multiply(p);
}

at::Tensor product(const at::Tensor& a, const at::Tensor& b) {
  at::Tensor out = at::empty({a.size(0), b.size(1)}, a.options());
  multiplyInto(out, a, b);
  return out;
}

}  // namespace langevin
