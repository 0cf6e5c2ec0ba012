using FastMmu.Addresses;
using FastMmu.Processor;
using FastMmu.Segmentation;
using FastMmu.Segmentation.Linux;

namespace FastMmu.Cli.Images;

/// <summary>The GDT as it stands in a guest's memory.</summary>
/// <param name="Register">GDTR.</param>
/// <param name="Physical">Physical address of the first byte.</param>
/// <param name="Entries">The entries that are not empty.</param>
/// <param name="Linux">Which of Linux's tables it is, or null.</param>
internal sealed record GuestDescriptorTable(
    DescriptorTableRegister Register, ulong Physical, IReadOnlyList<DescriptorTableEntry> Entries, LinuxGdt? Linux)
{
    private const int PageBytes = 4096;

    /// <summary>Reads the GDT as the processor does: implicit supervisor accesses through the page tables, here without a trace.</summary>
    /// <param name="processor">The guest's processor.</param>
    /// <param name="problem">Why there is no table to show.</param>
    public static GuestDescriptorTable? Read(GuestProcessor processor, out string problem)
    {
        problem = "";
        if (processor.Guest.Description.Gdt is not DescriptorTableRegister register)
        {
            problem = "GDTR was not recorded";
            return null;
        }

        byte[] bytes = new byte[register.Limit + 1];
        ulong? physical = null;
        for (int done = 0; done < bytes.Length;)
        {
            ulong linear = register.Base + (ulong)done;
            Translation translation = processor.Mmu.Probe(new LinearAddress(linear), Access.Read, Privilege.ImplicitSupervisor);
            if (!translation.Ok)
            {
                problem = $"the GDT cannot be read: {translation}";
                return null;
            }

            physical ??= translation.Physical.Value;
            int count = Math.Min(bytes.Length - done, PageBytes - (int)(linear % PageBytes));
            processor.Mmu.Memory.Read(translation.Physical, bytes.AsSpan(done, count));
            done += count;
        }

        // A table of an odd size has a last entry that no selector reaches.
        bool longMode = processor.Mmu.State.Efer.Lma;
        return new(register, physical!.Value, DescriptorTableEntry.Decode(bytes, longMode), LinuxGdt.Recognise(bytes));
    }

    /// <summary>What Linux calls an entry; empty if the table is not Linux's.</summary>
    public string NameOf(int index) => Linux is not null && index < Linux.Entries.Count ? Linux.Entries[index].Name : "";
}
