#include "workers.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <system_error>
#include <thread>

namespace descent {

// Threads that wait for work. Who brings some takes part in it, and does it alone where they are busy.
class Workers {
 public:
  explicit Workers(int count) {
    try {
      for (int index = 0; index < count; index++) std::thread([this] { Serve(); }).detach();
    } catch (const std::system_error &) {
      // Where no more threads may be, those that there are do all of it.
    }
  }

  // Calls `work` once with each number below `count`, in any order and side by side.
  void Run(int64_t count, const std::function<void(int64_t)> &work) {
    std::unique_lock<std::mutex> alone(submitting_, std::try_to_lock);
    if (!alone.owns_lock() || count < 2) {
      for (int64_t index = 0; index < count; index++) work(index);
      return;
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      work_ = &work;
      count_ = count;
      next_ = 0;
      brought_++;
    }
    wake_.notify_all();
    TakePart(work, count);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      work_ = nullptr;
    }
    if (Soon([this] { return active_ == 0; })) return;
    std::unique_lock<std::mutex> lock(mutex_);
    idle_.wait(lock, [this] { return active_ == 0; });
  }

 private:
  void TakePart(const std::function<void(int64_t)> &work, int64_t count) {
    for (int64_t index = next_++; index < count; index = next_++) work(index);
  }

  // Whether something comes true while others are let run for a moment: to sleep and to be woken takes as long.
  template <typename Condition>
  static bool Soon(const Condition &holds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(50);
    do {
      if (holds()) return true;
      std::this_thread::yield();
    } while (std::chrono::steady_clock::now() < until);
    return false;
  }

  void Serve() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      const int64_t before = brought_;
      lock.unlock();
      Soon([&] { return brought_ != before; });
      lock.lock();
      wake_.wait(lock, [this] { return work_ != nullptr && next_ < count_; });
      const auto *const work = work_;
      const int64_t count = count_;
      active_++;
      lock.unlock();
      TakePart(*work, count);
      lock.lock();
      if (--active_ == 0) idle_.notify_all();
    }
  }

  std::mutex submitting_, mutex_;
  std::condition_variable wake_, idle_;
  const std::function<void(int64_t)> *work_ = nullptr;
  int64_t count_ = 0;
  std::atomic<int64_t> next_{0}, brought_{0};
  std::atomic<int> active_{0};
};

// As many threads as TensorFlow has, this one among them. Never destroyed: they end with the process.
static Workers &TheWorkers() {
  static Workers *const workers = [] {
    const char *const set = std::getenv("TF_NUM_INTRAOP_THREADS");
    const int wanted = set ? std::atoi(set) : 0;
    return new Workers((wanted > 0 ? wanted : static_cast<int>(std::thread::hardware_concurrency())) - 1);
  }();
  return *workers;
}

void SideBySide(int64_t count, const std::function<void(int64_t)> &work) { TheWorkers().Run(count, work); }

}  // namespace descent
