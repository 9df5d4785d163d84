// Exceptions are their coroutine's: thrown on one thread, caught with a park in the handler or in a
// destructor while unwinding, rethrown on another thread. Thousands of times, and really on another
// thread: the tests count.
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "runtime/runtime_fixture.hpp"
#include "runtime/spawn.hpp"
#include "runtime/wait.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

// A system call, because a compiler takes the value of pthread_self() for constant in a function.
long thread_id() {
  return ::syscall(SYS_gettid);
}

// Where coroutines park until they are let on, by a thread that then has them in its own queue.
class Gate {
 public:
  // Parks. Counts when the coroutine goes on on another thread.
  void pass() {
    const long before = thread_id();
    {
      Wait wait(WaitReason::none);
      {
        const std::lock_guard lock(mutex_);
        waiting_.push_back(wait.token());
      }
      arrived_.fetch_add(1);
      wait.park();
    }
    if (thread_id() != before) migrated_.fetch_add(1);
  }

  [[nodiscard]] int arrived() const { return arrived_.load(); }
  [[nodiscard]] int migrated() const { return migrated_.load(); }

  // By a coroutine: all that wait go on.
  void open() {
    std::vector<WakeToken> tokens;
    {
      const std::lock_guard lock(mutex_);
      tokens.swap(waiting_);
    }
    for (const WakeToken token : tokens) worker_of_caller().scheduler().wake(token);
  }

 private:
  std::mutex mutex_;
  std::vector<WakeToken> waiting_;  // guarded by mutex_
  std::atomic<int> arrived_ = 0;
  std::atomic<int> migrated_ = 0;
};

class ExceptionTest : public RuntimeTest {
 protected:
  static constexpr int coroutines = 50;

  // Runs `body(gate, number)` in many coroutines at once, each of which passes the gate `passes`
  // times, until enough of the passes have led to another thread.
  template <class Body>
  void run_through_gate(int passes, Body body) {
    const int migrations_wanted = GetParam() == 1 ? 0 : (C1M_TSAN ? 200 : 4000);
    Gate gate;
    std::atomic<int> ended = 0;
    int started = 0;
    run([&] {
      do {
        for (int i = 0; i < coroutines; ++i) {
          ASSERT_TRUE(spawn([&, i] {
            body(gate, i);
            ended.fetch_add(1);
          }));
        }
        started += coroutines;
        for (int pass = 1; pass <= passes; ++pass) {
          // This coroutine keeps its processor, so that the others are stolen and arrive elsewhere;
          // then it takes them all to its own.
          const int expected = (started - coroutines) * passes + pass * coroutines;
          while (gate.arrived() < expected) give_way();
          gate.open();
        }
        while (ended.load() < started) yield();
      } while (gate.migrated() < migrations_wanted);
    });
    EXPECT_GE(gate.migrated(), migrations_wanted);
  }

 private:
  void give_way() {
    if (GetParam() == 1) {
      yield();
    } else {
      std::this_thread::yield();
    }
  }
};
C1M_FOR_ALL_PROCESSOR_COUNTS(ExceptionTest);

TEST_P(ExceptionTest, IsRethrownOnAnotherThread) {
  run_through_gate(1, [](Gate& gate, int number) {
    const std::string text = "error " + std::to_string(number);
    try {
      try {
        throw std::runtime_error(text);
      } catch (const std::runtime_error& error) {
        gate.pass();
        EXPECT_EQ(error.what(), text);
        throw;
      }
    } catch (const std::exception& error) {
      EXPECT_EQ(error.what(), text);
      EXPECT_EQ(std::uncaught_exceptions(), 0);
    }
    EXPECT_EQ(std::current_exception(), nullptr);
  });
}

TEST_P(ExceptionTest, HandlersInHandlersEachKeepTheirOwn) {
  run_through_gate(3, [](Gate& gate, int number) {
    const std::string outer = "outer " + std::to_string(number);
    const std::string inner = "inner " + std::to_string(number);
    const auto what_is_current = [] {
      try {
        throw;
      } catch (const std::exception& error) {
        return std::string(error.what());
      }
    };
    try {
      throw std::runtime_error(outer);
    } catch (const std::runtime_error&) {
      gate.pass();
      try {
        throw std::logic_error(inner);
      } catch (const std::logic_error&) {
        gate.pass();
        EXPECT_EQ(what_is_current(), inner);
      }
      EXPECT_EQ(what_is_current(), outer);
      gate.pass();
      EXPECT_EQ(what_is_current(), outer);
    }
    EXPECT_EQ(std::current_exception(), nullptr);
  });
}

TEST_P(ExceptionTest, NestedExceptionsCarryTheirCauseAcrossAPark) {
  run_through_gate(2, [](Gate& gate, int number) {
    const std::string cause = "cause " + std::to_string(number);
    try {
      try {
        throw std::runtime_error(cause);
      } catch (...) {
        gate.pass();
        std::throw_with_nested(std::logic_error("effect"));
      }
    } catch (const std::logic_error& effect) {
      gate.pass();
      try {
        std::rethrow_if_nested(effect);
        ADD_FAILURE() << "it has a cause";
      } catch (const std::runtime_error& error) {
        EXPECT_EQ(error.what(), cause);
      }
    }
  });
}

// Parks, and throws and catches, while the stack above it is being unwound.
class ParksInDestructor {
 public:
  ParksInDestructor(Gate& gate, int uncaught) : gate_(gate), uncaught_(uncaught) {}
  ~ParksInDestructor() {
    EXPECT_EQ(std::uncaught_exceptions(), uncaught_);
    gate_.pass();
    EXPECT_EQ(std::uncaught_exceptions(), uncaught_);
    try {
      const ParksInDestructor* none = nullptr;
      if (none == nullptr) throw 7;
    } catch (int seven) {
      EXPECT_EQ(seven, 7);
      EXPECT_EQ(std::uncaught_exceptions(), uncaught_);
      gate_.pass();
    }
    EXPECT_EQ(std::uncaught_exceptions(), uncaught_);
  }
  ParksInDestructor(const ParksInDestructor&) = delete;
  ParksInDestructor& operator=(const ParksInDestructor&) = delete;

 private:
  Gate& gate_;
  int uncaught_;
};

TEST_P(ExceptionTest, UnwindingGoesOnOnAnotherThread) {
  run_through_gate(4, [](Gate& gate, int number) {
    EXPECT_EQ(std::uncaught_exceptions(), 0);
    try {
      const ParksInDestructor outer(gate, 1);
      const ParksInDestructor inner(gate, 1);
      throw std::runtime_error(std::to_string(number));
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(error.what(), std::to_string(number));
    }
    EXPECT_EQ(std::uncaught_exceptions(), 0);
  });
}

TEST_P(ExceptionTest, UnwindingWithinUnwindingKeepsBothCounts) {
  run_through_gate(2, [](Gate& gate, int number) {
    struct ThrowsInDestructor {
      Gate& gate;
      ~ThrowsInDestructor() {
        try {
          const ParksInDestructor parks(gate, 2);  // two are uncaught while it is destroyed
          throw std::logic_error("second");
        } catch (const std::logic_error&) {
          EXPECT_EQ(std::uncaught_exceptions(), 1);
        }
      }
    };
    try {
      const ThrowsInDestructor throws{gate};
      throw std::runtime_error(std::to_string(number));
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(error.what(), std::to_string(number));
    }
  });
}

TEST_P(ExceptionTest, WhoBeginsWhileOthersHandleTheirsHasNone) {
  run_through_gate(2, [](Gate& gate, int number) {
    const auto expect_none = [] {
      EXPECT_EQ(std::current_exception(), nullptr);
      EXPECT_EQ(std::uncaught_exceptions(), 0);
    };
    expect_none();
    if (number % 2 == 0) {
      gate.pass();
      expect_none();
      gate.pass();
      expect_none();
      return;
    }
    try {
      throw number;
    } catch (int) {
      gate.pass();
      EXPECT_NE(std::current_exception(), nullptr);
    }
    gate.pass();
    expect_none();
  });
}

TEST_P(ExceptionTest, WhoRunsTheRuntimeInsideAHandlerKeepsItsOwn) {
  try {
    try {
      throw std::runtime_error("of the thread");
    } catch (const std::runtime_error&) {
      run([] {
        EXPECT_EQ(std::current_exception(), nullptr);
        try {
          throw std::logic_error("of the coroutine");
        } catch (const std::logic_error&) {
          yield();
        }
        yield();
      });
      throw;
    }
  } catch (const std::exception& error) {
    EXPECT_STREQ(error.what(), "of the thread");
  }
  EXPECT_EQ(std::current_exception(), nullptr);
}

TEST_P(ExceptionTest, OneCaughtHereMayBeRethrownByAnotherCoroutine) {
  if (C1M_TSAN) GTEST_SKIP() << "it does not see the counts inside libstdc++'s exception_ptr";
  run_through_gate(1, [](Gate& gate, int number) {
    std::exception_ptr caught;
    try {
      throw std::runtime_error(std::to_string(number));
    } catch (...) {
      caught = std::current_exception();
      ASSERT_TRUE(spawn([caught, number] {
        try {
          std::rethrow_exception(caught);
        } catch (const std::runtime_error& error) {
          yield();
          EXPECT_EQ(error.what(), std::to_string(number));
        }
      }));
      gate.pass();
    }
    EXPECT_EQ(std::uncaught_exceptions(), 0);
  });
}

}  // namespace
}  // namespace c1m::runtime
