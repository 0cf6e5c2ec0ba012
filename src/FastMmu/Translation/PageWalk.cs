using System.Globalization;
using System.Text;
using FastMmu.Addresses;
using FastMmu.Paging.Walk;
using FastMmu.Processor;

namespace FastMmu;

/// <summary>What one page walk did.</summary>
/// <param name="Linear">The address, as the tables see it: cut to its width, and without metadata.</param>
/// <param name="Access">What the access does.</param>
/// <param name="Privilege">On whose behalf.</param>
/// <param name="Path">
/// The entries read, from the top down, as they were before accessed and dirty were set. It begins below the root where a paging-structure cache knew the way.
/// </param>
/// <param name="Fault">The page fault, or none; also none where a remembered table led to nothing, and a walk from the root follows.</param>
public readonly record struct PageWalk(LinearAddress Linear, Access Access, Privilege Privilege, WalkPath Path, MmuFault Fault)
{
    /// <summary><c>0x1234 Read: 4 0x1000=2027, 3 0x2000=3027</c>: level, address and value of each entry, then the fault if there is one.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"{Linear} {Access}:"));
        for (int i = 0; i < Path.Count; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{(i == 0 ? " " : ", ")}{Path[i].Level} 0x{Path[i].EntryAddress:x}={Path[i].Raw:x}");
        }

        return Fault.IsFault ? text.Append(CultureInfo.InvariantCulture, $"; {Fault}").ToString() : text.ToString();
    }
}
