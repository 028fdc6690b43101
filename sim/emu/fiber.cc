// SPDX-License-Identifier: Apache-2.0
// Fibers: ucontext gives each its stack once, setjmp and longjmp switch (no system call).
#include "sim/emu/fiber.hh"

#include <cstdint>
#include <cstdlib>
#include <sys/mman.h>
#include <ucontext.h>

namespace qoq_emu
{

enum : size_t { STACK = size_t{256} << 10, FENCE = 4096 };

// A page that no one may touch lies below the stack.
static void *new_stack()
{
    void *base = mmap(nullptr, STACK + FENCE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (base == MAP_FAILED || mprotect(base, FENCE, PROT_NONE) != 0) {
        abort();
    }
    return base;
}

Fiber::~Fiber()
{
    if (stack_ != nullptr) {
        munmap(stack_, STACK + FENCE);
    }
}

// makecontext passes integers only.
void Fiber::first(unsigned high, unsigned low)
{
    Fiber *self = reinterpret_cast<Fiber *>(static_cast<uintptr_t>(uint64_t{high} << 32 | low));

    if (_setjmp(self->state_) == 0) {
        // Back to start(): the state is now there for go_to.
        ucontext_t *back = static_cast<ucontext_t *>(self->argument_);
        setcontext(back);
    }
    self->entry_(self->argument_);
    abort();
}

void Fiber::start(void (*entry)(void *), void *argument)
{
    ucontext_t back, fresh;
    uint64_t self = reinterpret_cast<uintptr_t>(this);

    if (stack_ == nullptr) {
        stack_ = new_stack();
    }
    getcontext(&fresh);
    fresh.uc_stack.ss_sp = static_cast<char *>(stack_) + FENCE;
    fresh.uc_stack.ss_size = STACK;
    fresh.uc_link = nullptr;
    makecontext(&fresh, reinterpret_cast<void (*)()>(first), 2, static_cast<unsigned>(self >> 32),
                static_cast<unsigned>(self));
    argument_ = &back;
    swapcontext(&back, &fresh);
    entry_ = entry;
    argument_ = argument;
}

__attribute__((noinline)) void Fiber::go_to(Fiber &to)
{
    if (_setjmp(state_) == 0) {
        _longjmp(to.state_, 1);
    }
}

} // namespace qoq_emu
