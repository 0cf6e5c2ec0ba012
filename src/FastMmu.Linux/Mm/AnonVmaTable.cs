using FastMmu.Linux.Areas;

namespace FastMmu.Linux.Mm;

/// <summary>The groups of anonymous pages (anon_vma) of a machine, which decide what merges and where fork's copies belong.</summary>
/// <remarks>
/// An area belongs to its own group and, in a forked child, also to those of its ancestors (the anon_vma_chain). An area names its group in
/// <see cref="Vma.AnonVma"/> and a longer chain in <see cref="Vma.AnonChain"/>; zero there is the chain of that one group. Source: mm/rmap.c.
/// </remarks>
public sealed class AnonVmaTable
{
    private struct Group
    {
        public int Parent;
        public int Children;
        public int Active;
        public int References;
    }

    private struct Chain
    {
        public int[] Groups;
        public int References;
    }

    private readonly Stack<int> _freeChains = new();
    private readonly Stack<int> _freeGroups = new();
    private Group[] _groups = new Group[64];
    private Chain[] _chains = new Chain[16];
    private int _groupEnd = 1;
    private int _chainEnd = 1;

    /// <summary>How many groups are in use.</summary>
    public int Count => _groupEnd - 1 - _freeGroups.Count;

    /// <summary>Gives an area without a group a new one (anon_vma_prepare).</summary>
    /// <param name="vma">The area; counted as attached afterwards.</param>
    public void Prepare(ref Vma vma)
    {
        vma.AnonVma = NewGroup(0);
        vma.AnonChain = 0;
        Attach(vma);
    }

    /// <summary>Counts an area that has come to exist with the group it names (anon_vma_clone).</summary>
    public void Attach(in Vma vma)
    {
        if (vma.AnonVma == 0)
        {
            return;
        }

        _groups[vma.AnonVma].Active++;
        if (vma.AnonChain == 0)
        {
            _groups[vma.AnonVma].References++;
            return;
        }

        ref Chain chain = ref _chains[vma.AnonChain];
        chain.References++;
        foreach (int group in chain.Groups)
        {
            _groups[group].References++;
        }
    }

    /// <summary>Counts an area as gone (unlink_anon_vmas); groups without areas are given back.</summary>
    public void Detach(in Vma vma)
    {
        if (vma.AnonVma == 0)
        {
            return;
        }

        _groups[vma.AnonVma].Active--;
        if (vma.AnonChain == 0)
        {
            Drop(vma.AnonVma);
            return;
        }

        int[] groups = _chains[vma.AnonChain].Groups;
        if (--_chains[vma.AnonChain].References == 0)
        {
            _chains[vma.AnonChain].Groups = [];
            _freeChains.Push(vma.AnonChain);
        }

        foreach (int group in groups)
        {
            Drop(group);
        }
    }

    /// <summary>Puts a forked child's area into its ancestors' groups and one of its own (anon_vma_fork).</summary>
    /// <param name="child">A copy of the parent's area; counted as attached afterwards.</param>
    public void Fork(ref Vma child)
    {
        if (child.AnonVma == 0)
        {
            return;
        }

        int parent = child.AnonVma;
        int[] ancestors = child.AnonChain == 0 ? [parent] : _chains[child.AnonChain].Groups;
        foreach (int group in ancestors)
        {
            // A group whose own areas are all gone and that has one heir at most may be used again: chains would otherwise grow with each fork.
            if (_groups[group].Children < 2 && _groups[group].Active == 0)
            {
                child.AnonVma = group;
                Attach(child);
                return;
            }
        }

        child.AnonVma = NewGroup(parent);
        child.AnonChain = NewChain([.. ancestors, child.AnonVma]);
        Attach(child);
    }

    private int NewGroup(int parent)
    {
        if (!_freeGroups.TryPop(out int id))
        {
            id = _groupEnd++;
            if (id == _groups.Length)
            {
                Array.Resize(ref _groups, id * 2);
            }
        }

        _groups[id] = new Group { Parent = parent, Children = parent == 0 ? 1 : 0 };
        if (parent != 0)
        {
            _groups[parent].Children++;
        }

        return id;
    }

    private int NewChain(int[] groups)
    {
        if (!_freeChains.TryPop(out int id))
        {
            id = _chainEnd++;
            if (id == _chains.Length)
            {
                Array.Resize(ref _chains, id * 2);
            }
        }

        _chains[id] = new Chain { Groups = groups };
        return id;
    }

    private void Drop(int id)
    {
        if (--_groups[id].References == 0)
        {
            if (_groups[id].Parent != 0)
            {
                _groups[_groups[id].Parent].Children--;
            }

            _freeGroups.Push(id);
        }
    }
}
