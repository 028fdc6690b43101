// SPDX-License-Identifier: Apache-2.0
// Threads of control that pass the processor on by hand.
#ifndef QOQ_SIM_EMU_FIBER_HH
#define QOQ_SIM_EMU_FIBER_HH

#include <csetjmp>
#include <cstddef>

namespace qoq_emu
{

class Fiber
{
  public:
    Fiber() = default;
    ~Fiber();
    Fiber(const Fiber &) = delete;
    Fiber &operator=(const Fiber &) = delete;

    // Makes it ready to run entry(argument), which never returns, on a stack of its own. A fiber
    // that never had an entry stands for the thread of control that is running.
    void start(void (*entry)(void *), void *argument);

    // Goes on in `to`; returns when someone goes on in this one.
    void go_to(Fiber &to);

  private:
    static void first(unsigned high, unsigned low);

    jmp_buf state_;
    void *stack_ = nullptr;
    void (*entry_)(void *) = nullptr;
    void *argument_ = nullptr;
};

} // namespace qoq_emu

#endif
