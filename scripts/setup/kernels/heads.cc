// The way from rows of tokens into heads, with the rotary embedding, and back.

#include <algorithm>
#include <cstring>

#include "lanes.h"
#include "operator.h"
#include "workers.h"

namespace descent {

FOR_EACH_PROCESSOR static void Rotate(const float *x, const float *cos, const float *sin, float scale, float *y,
                                      int64_t half) {
  SIDE_BY_SIDE
  for (int64_t i = 0; i < half; i++) {
    y[i] = scale * (cos[i] * x[i] + sin[i] * x[i + half]);
    y[i + half] = scale * (cos[i + half] * x[i + half] + sin[i + half] * x[i]);
  }
}

FOR_EACH_PROCESSOR static void RotateBack(const float *dy, const float *cos, const float *sin, float scale, float *dx,
                                          int64_t half) {
  SIDE_BY_SIDE
  for (int64_t i = 0; i < half; i++) {
    dx[i] = scale * (cos[i] * dy[i] + sin[i + half] * dy[i + half]);
    dx[i + half] = scale * (cos[i + half] * dy[i + half] + sin[i] * dy[i]);
  }
}

// How heads lie: rows of tokens have one after the other, [batch * time, heads * size]; attention has queries in blocks,
// [kvHeads, batch, group, block, size] each, and keys and values as [kvHeads, batch, time, size].
struct Layout {
  int64_t batch, time, heads, kvHeads, size, block;
  int64_t group() const { return heads / kvHeads; }
  int64_t blocks() const { return (time + block - 1) / block; }
  int64_t length(int64_t index) const { return std::min(block, time - index * block); }
  Shape queries(int64_t index) const { return {kvHeads, batch, group(), length(index), size}; }
  Shape keys() const { return {kvHeads, batch, time, size}; }
  // Where a token's part of a head begins in its block of queries.
  int64_t query(int64_t sequence, int64_t place, int64_t head) const {
    const int64_t kvHead = head / group(), index = place / block;
    const int64_t row = (kvHead * batch + sequence) * group() + head % group();
    return (row * length(index) + place - index * block) * size;
  }
  int64_t key(int64_t sequence, int64_t place, int64_t kvHead) const {
    return ((kvHead * batch + sequence) * time + place) * size;
  }
};

static Layout LayoutOf(const Call &call, int64_t tokens, int64_t size) {
  const int64_t batch = std::max<int64_t>(1, call.integer(0));
  return {batch,           tokens / batch, std::max<int64_t>(1, call.integer(1)), std::max<int64_t>(1, call.integer(2)),
          size, std::max<int64_t>(1, call.integer(3))};
}

// Cosines and signed sines of a token: the table has a row a place, or a row a token.
static const float *RowOf(const Input &table, const Layout &layout, int64_t sequence, int64_t place) {
  return table.data + ((table.shape.size() > 2 ? sequence * layout.time : 0) + place) * layout.size;
}

static bool Fits(const Layout &layout, const Input &cos, const Input &sin) {
  const Shape places = {layout.time, layout.size}, tokens = {layout.batch, layout.time, layout.size};
  return cos.shape == sin.shape && (cos.shape == places || cos.shape == tokens) && layout.size % 2 == 0 &&
         layout.heads % layout.kvHeads == 0;
}

static const std::vector<const char *> layoutAttributes = {"batch", "heads", "kv_heads", "block", "count"};

static const Operator splitHeads = {
    "DescentSplitHeads",
    {"projected: float", "cos: float", "sin: float"},
    {"q: count * float", "k: float", "v: float"},
    {"scale"},
    layoutAttributes,
    [](Call &call) {
      const Input projected = call.input(0), cos = call.input(1), sin = call.input(2);
      if (!call.require(projected.shape.size() == 2 && cos.shape.size() >= 2)) return;
      const Layout layout = LayoutOf(call, projected.shape[0], cos.shape.back());
      const int64_t size = layout.size, wide = (layout.heads + 2 * layout.kvHeads) * size;
      if (!call.require(Fits(layout, cos, sin) && projected.shape == Shape{layout.batch * layout.time, wide} &&
                        call.integer(4) == layout.blocks()))
        return;
      std::vector<float *> q;
      for (int64_t index = 0; index < layout.blocks(); index++)
        q.push_back(call.output(static_cast<int>(index), layout.queries(index)));
      float *const k = call.output(static_cast<int>(layout.blocks()), layout.keys());
      float *const v = call.output(static_cast<int>(layout.blocks()) + 1, layout.keys());
      if (call.failed()) return;
      InStretches(layout.batch * layout.time, wide, [&](int64_t from, int64_t to) {
        for (int64_t token = from; token < to; token++) {
          const int64_t sequence = token / layout.time, place = token % layout.time;
          const float *const c = RowOf(cos, layout, sequence, place), *const s = RowOf(sin, layout, sequence, place);
          const float *x = projected.data + token * wide;
          for (int64_t head = 0; head < layout.heads; head++, x += size)
            Rotate(x, c, s, call.number(0), q[static_cast<size_t>(place / layout.block)] + layout.query(sequence, place, head),
                   size / 2);
          for (int64_t head = 0; head < layout.kvHeads; head++, x += size)
            Rotate(x, c, s, 1, k + layout.key(sequence, place, head), size / 2);
          for (int64_t head = 0; head < layout.kvHeads; head++, x += size)
            std::memcpy(v + layout.key(sequence, place, head), x, static_cast<size_t>(size) * sizeof(float));
        }
      });
    }};

static const Operator splitHeadsGradient = {
    "DescentSplitHeadsGradient",
    {"dq: count * float", "dk: float", "dv: float", "cos: float", "sin: float"},
    {"dprojected: float"},
    {"scale"},
    layoutAttributes,
    [](Call &call) {
      const int blocks = static_cast<int>(call.integer(4));
      const Input dk = call.input(blocks), dv = call.input(blocks + 1);
      const Input cos = call.input(blocks + 2), sin = call.input(blocks + 3);
      if (!call.require(dk.shape.size() == 4 && dv.shape == dk.shape)) return;
      const Layout layout = LayoutOf(call, dk.shape[1] * dk.shape[2], dk.shape[3]);
      const int64_t size = layout.size, wide = (layout.heads + 2 * layout.kvHeads) * size;
      if (!call.require(Fits(layout, cos, sin) && dk.shape == layout.keys() && blocks == layout.blocks())) return;
      std::vector<const float *> dq;
      for (int index = 0; index < blocks; index++) {
        const Input block = call.input(index);
        if (!call.require(block.shape == layout.queries(index))) return;
        dq.push_back(block.data);
      }
      float *const dProjected = call.output(0, {layout.batch * layout.time, wide});
      if (call.failed()) return;
      InStretches(layout.batch * layout.time, wide, [&](int64_t from, int64_t to) {
        for (int64_t token = from; token < to; token++) {
          const int64_t sequence = token / layout.time, place = token % layout.time;
          const float *const c = RowOf(cos, layout, sequence, place), *const s = RowOf(sin, layout, sequence, place);
          float *dx = dProjected + token * wide;
          for (int64_t head = 0; head < layout.heads; head++, dx += size)
            RotateBack(dq[static_cast<size_t>(place / layout.block)] + layout.query(sequence, place, head), c, s,
                       call.number(0), dx, size / 2);
          for (int64_t head = 0; head < layout.kvHeads; head++, dx += size)
            RotateBack(dk.data + layout.key(sequence, place, head), c, s, 1, dx, size / 2);
          for (int64_t head = 0; head < layout.kvHeads; head++, dx += size)
            std::memcpy(dx, dv.data + layout.key(sequence, place, head), static_cast<size_t>(size) * sizeof(float));
        }
      });
    }};

static const Operator mergeHeads = {
    "DescentMergeHeads", {"o: count * float"}, {"merged: float"}, {}, layoutAttributes, [](Call &call) {
      const int blocks = static_cast<int>(call.integer(4));
      std::vector<const float *> o;
      std::vector<Shape> shapes;
      int64_t time = 0, size = 0;
      for (int index = 0; index < blocks; index++) {
        const Input block = call.input(index);
        if (!call.require(block.shape.size() == 5)) return;
        o.push_back(block.data);
        time += block.shape[3];
        size = block.shape[4];
        shapes.push_back(block.shape);
      }
      const Layout layout = LayoutOf(call, call.integer(0) * time, size);
      if (!call.require(blocks > 0 && layout.heads % layout.kvHeads == 0 && blocks == layout.blocks())) return;
      for (int index = 0; index < blocks; index++)
        if (!call.require(shapes[static_cast<size_t>(index)] == layout.queries(index))) return;
      const int64_t wide = layout.heads * size;
      float *const merged = call.output(0, {layout.batch * layout.time, wide});
      if (call.failed()) return;
      InStretches(layout.batch * layout.time, wide, [&](int64_t from, int64_t to) {
        for (int64_t token = from; token < to; token++) {
          const int64_t sequence = token / layout.time, place = token % layout.time;
          for (int64_t head = 0; head < layout.heads; head++)
            std::memcpy(merged + token * wide + head * size,
                        o[static_cast<size_t>(place / layout.block)] + layout.query(sequence, place, head),
                        static_cast<size_t>(size) * sizeof(float));
        }
      });
    }};

static const Operator mergeHeadsGradient = {
    "DescentMergeHeadsGradient", {"dmerged: float"}, {"do: count * float"}, {}, layoutAttributes, [](Call &call) {
      const Input dMerged = call.input(0);
      if (!call.require(dMerged.shape.size() == 2 && call.integer(1) > 0 && dMerged.shape[1] % call.integer(1) == 0))
        return;
      const Layout layout = LayoutOf(call, dMerged.shape[0], dMerged.shape[1] / call.integer(1));
      if (!call.require(layout.heads % layout.kvHeads == 0 && layout.batch * layout.time == dMerged.shape[0] &&
                        call.integer(4) == layout.blocks()))
        return;
      const int64_t size = layout.size, wide = layout.heads * size;
      std::vector<float *> blocks;
      for (int64_t index = 0; index < layout.blocks(); index++)
        blocks.push_back(call.output(static_cast<int>(index), layout.queries(index)));
      if (call.failed()) return;
      InStretches(layout.batch * layout.time, wide, [&](int64_t from, int64_t to) {
        for (int64_t token = from; token < to; token++) {
          const int64_t sequence = token / layout.time, place = token % layout.time;
          for (int64_t head = 0; head < layout.heads; head++)
            std::memcpy(blocks[static_cast<size_t>(place / layout.block)] + layout.query(sequence, place, head),
                        dMerged.data + token * wide + head * size, static_cast<size_t>(size) * sizeof(float));
        }
      });
    }};

void RegisterHeads(TF_Status *status) {
  Register<&splitHeads>(status);
  Register<&splitHeadsGradient>(status);
  Register<&mergeHeads>(status);
  Register<&mergeHeadsGradient>(status);
}

}  // namespace descent
