// Work that several threads share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

namespace descent {

// Calls `work` once with each number below `count`, in any order and side by side, on as many threads as TensorFlow has.
void SideBySide(int64_t count, const std::function<void(int64_t)> &work);

// Calls `work(from, to)` for stretches of `count` things, of `numbers` numbers each: as many to a stretch as are worth a
// thread's while, whatever the number of threads.
template <typename Work>
void InStretches(int64_t count, int64_t numbers, const Work &work) {
  constexpr int64_t worthwhile = 32 * 1024;
  const int64_t each = std::max<int64_t>(1, worthwhile / std::max<int64_t>(1, numbers));
  SideBySide((count + each - 1) / each,
             [&](int64_t index) { work(index * each, std::min(count, (index + 1) * each)); });
}

}  // namespace descent
