using System.Runtime.CompilerServices;
using FastMmu.Processor;
using Xunit;

namespace FastMmu.Tests.Processor;

public sealed class MmuFaultTests
{
    [Fact]
    public void MmuFault_InMemory_HasSixteenBytes() => Assert.Equal(16, Unsafe.SizeOf<MmuFault>());
}
