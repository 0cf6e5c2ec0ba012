using FastMmu.Linux.Areas;

namespace FastMmu.Linux.Mm;

/// <summary>The names that programs have given to anonymous memory, each with the number that stands for it in <see cref="Vma.Name"/>.</summary>
/// <remarks>
/// Areas are copied, cut and joined everywhere; nobody counts who has a name. Instead, when there are twice as many as were in use the last time, all areas are
/// looked through, and names that none has are forgotten.
/// </remarks>
internal sealed class AreaNameTable(LinuxMachine machine)
{
    private const int FewNames = 256;

    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly Dictionary<int, string> _names = [];
    private int _next = SpecialMapping.FirstAnonymousName;
    private int _most = FewNames;

    /// <summary>Names that are known.</summary>
    public int Count => _names.Count;

    /// <summary>The name behind a number.</summary>
    public string this[int number] => _names[number];

    /// <summary>The number of a name: the same for equal names.</summary>
    public int NumberOf(string name)
    {
        if (_numbers.TryGetValue(name, out int number))
        {
            return number;
        }

        if (_names.Count >= _most)
        {
            ForgetUnused();
        }

        while (_names.ContainsKey(_next))
        {
            Advance();
        }

        number = _next;
        Advance();
        _names.Add(number, name);
        _numbers.Add(name, number);
        return number;
    }

    private void Advance() => _next = _next == int.MaxValue ? SpecialMapping.FirstAnonymousName : _next + 1;

    private void ForgetUnused()
    {
        var used = new HashSet<int>();
        foreach (AddressSpace space in machine.Spaces)
        {
            for (ulong at = 0; space.Areas.TryFind(at, out Vma vma); at = vma.End)
            {
                used.Add(vma.Name);
            }
        }

        foreach ((int number, string name) in _names.Where(n => !used.Contains(n.Key)).ToArray())
        {
            _names.Remove(number);
            _numbers.Remove(name);
        }

        _most = Math.Max(FewNames, 2 * _names.Count);
    }
}
