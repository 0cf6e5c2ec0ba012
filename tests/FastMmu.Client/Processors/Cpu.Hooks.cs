using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastMmu.Linux.Mm;

namespace FastMmu.Client.Processors;

/// <content>What Unicorn calls. No exception may pass through it, so what is called only notes what happened.</content>
internal sealed unsafe partial class Cpu
{
    private const int IllegalInstruction = 4;
    private const int Trap = 5;
    private const int ArithmeticError = 8;

    // uc_hook_type
    private const int HookInterrupt = 1 << 0;
    private const int HookInstruction = 1 << 1;
    private const int HookCode = 1 << 2;
    private const int HookMemory = (1 << 4) | (1 << 5) | (1 << 6) | (1 << 7) | (1 << 8) | (1 << 9);
    private const int InstructionSyscall = 699;
    private const int InstructionCpuid = 113;

    // uc_mem_type
    private const int WriteUnmapped = 20;
    private const int FetchUnmapped = 21;
    private const int WriteRefused = 22;
    private const int FetchRefused = 24;

    private StopReason _stop;
    private int _faultKind;
    private ulong _faultAddress;

    private enum StopReason
    {
        None,
        Fault,
        SystemCall,
        Signal,
    }

    private void AddHooks()
    {
        void* self = (void*)GCHandle.ToIntPtr(_self);
        delegate* unmanaged[Cdecl]<nint, int, ulong, int, long, nint, byte> memory = &OnMemory;
        delegate* unmanaged[Cdecl]<nint, nint, void> call = &OnSystemCall;
        delegate* unmanaged[Cdecl]<nint, uint, nint, void> interrupt = &OnInterrupt;
        _unicorn.AddHook(_engine, HookMemory, memory, self);
        _unicorn.AddHook(_engine, HookInstruction, call, self, InstructionSyscall);
        delegate* unmanaged[Cdecl]<nint, nint, int> identify = &OnCpuid;
        _unicorn.AddHook(_engine, HookInstruction, identify, self, InstructionCpuid);
        _unicorn.AddHook(_engine, HookInterrupt, interrupt, self);
        // With a hook on every instruction Unicorn keeps RIP and the flags exact, so that an instruction that faulted can be begun again. The
        // function called is a native one that does nothing.
        _unicorn.AddHook(_engine, HookCode, _unicorn.Nothing, null);
    }

    // An access that crosses pages may be tried byte by byte: the first refusal counts.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte OnMemory(nint engine, int type, ulong address, int size, long value, nint self)
    {
        Cpu cpu = (Cpu)GCHandle.FromIntPtr(self).Target!;
        if (cpu._stop == StopReason.None)
        {
            cpu._stop = StopReason.Fault;
            cpu._faultKind = type;
            cpu._faultAddress = address;
        }

        return 0;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnSystemCall(nint engine, nint self) => ((Cpu)GCHandle.FromIntPtr(self).Target!).StopFor(StopReason.SystemCall);

    // 2.0.1 denies most of what every 64-bit processor has, whichever model it is asked to be, and dynamic programs refuse to start on that.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnCpuid(nint engine, nint self)
    {
        Cpu cpu = (Cpu)GCHandle.FromIntPtr(self).Target!;
        (uint a, uint b, uint c, uint d) = ProcessorIdentity.Leaf((uint)cpu[Register.Rax]);
        (cpu[Register.Rax], cpu[Register.Rbx], cpu[Register.Rcx], cpu[Register.Rdx]) = (a, b, c, d);
        return 1;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnInterrupt(nint engine, uint vector, nint self)
    {
        Cpu cpu = (Cpu)GCHandle.FromIntPtr(self).Target!;
        cpu.Signal = vector switch
        {
            0 or 16 or 19 => new FaultOutcome(ArithmeticError, 1, 0),
            1 or 3 => new FaultOutcome(Trap, 1, 0),
            6 => new FaultOutcome(IllegalInstruction, 2, 0),
            _ => new FaultOutcome(FaultOutcome.Segv, FaultOutcome.Kernel, 0),
        };
        cpu.StopFor(StopReason.Signal);
    }

    private void StopFor(StopReason reason)
    {
        if (_stop == StopReason.None)
        {
            _stop = reason;
        }

        _unicorn.Stop(_engine);
    }
}
