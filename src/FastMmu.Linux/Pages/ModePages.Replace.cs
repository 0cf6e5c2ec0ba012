namespace FastMmu.Linux.Pages;

/// <content>
/// Changes of entries that processors of other threads may be marking accessed and dirty at the same moment. Where there are none, plain loads and stores do.
/// </content>
internal sealed unsafe partial class ModePages<TEntry>
{
    /// <summary>Whether others walk the tables.</summary>
    private bool Walked => TEntry.InGuestMemory && WalkedByOthers;

    /// <summary>Takes an entry away, with all that processors have marked in it (ptep_get_and_clear).</summary>
    /// <param name="slot">Where it is.</param>
    /// <param name="walked">Whether others walk the tables.</param>
    private static TEntry Take(TEntry* slot, bool walked)
    {
        TEntry entry;
        if (!walked)
        {
            entry = *slot;
            *slot = default;
        }
        else if (sizeof(TEntry) == sizeof(ulong))
        {
            ulong raw = Interlocked.Exchange(ref *(ulong*)slot, 0);
            entry = *(TEntry*)&raw;
        }
        else
        {
            uint raw = Interlocked.Exchange(ref *(uint*)slot, 0);
            entry = *(TEntry*)&raw;
        }

        return entry;
    }

    /// <summary>Puts an entry in the place of one that was read, unless a processor has marked that since: then it must be read again.</summary>
    /// <param name="slot">Where it is.</param>
    /// <param name="old">What was read.</param>
    /// <param name="entry">What is to be there.</param>
    /// <param name="walked">Whether others walk the tables.</param>
    private static bool TryReplace(TEntry* slot, TEntry old, TEntry entry, bool walked)
    {
        if (!walked)
        {
            *slot = entry;
            return true;
        }

        return sizeof(TEntry) == sizeof(ulong)
            ? Interlocked.CompareExchange(ref *(ulong*)slot, *(ulong*)&entry, *(ulong*)&old) == *(ulong*)&old
            : Interlocked.CompareExchange(ref *(uint*)slot, *(uint*)&entry, *(uint*)&old) == *(uint*)&old;
    }

    /// <summary>Takes the right to write from an entry that others walk (ptep_set_wrprotect).</summary>
    /// <param name="slot">Where it is.</param>
    /// <returns>What is there now.</returns>
    private static ulong WriteProtect(TEntry* slot)
    {
        while (true)
        {
            TEntry old = *slot;
            ulong entry = Pte.WriteProtect(old.Value);
            if (TryReplace(slot, old, TEntry.Of(entry), walked: true))
            {
                return entry;
            }
        }
    }

    /// <summary>Sets bits of an entry that stays what it is otherwise.</summary>
    /// <param name="slot">Where it is.</param>
    /// <param name="bits">As in <see cref="Pte"/>.</param>
    /// <param name="dirty">Whether it becomes dirty, too.</param>
    private void Mark(TEntry* slot, ulong bits, bool dirty)
    {
        bool walked = Walked;
        TEntry old;
        ulong entry;
        do
        {
            old = *slot;
            entry = old.Value | bits;
        }
        while (!TryReplace(slot, old, TEntry.Of(dirty ? Pte.MakeDirty(entry) : entry), walked));
    }
}
