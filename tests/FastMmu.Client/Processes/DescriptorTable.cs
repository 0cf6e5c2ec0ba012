using System.Diagnostics.CodeAnalysis;
using FastMmu.Client.Host;
using FastMmu.Linux.Mm;

namespace FastMmu.Client.Processes;

/// <summary>The file descriptors of one program.</summary>
internal sealed class DescriptorTable
{
    private readonly SortedDictionary<int, Entry> _open = [];

    public bool TryGet(int number, [NotNullWhen(true)] out HostDescription? description)
    {
        description = _open.TryGetValue(number, out Entry entry) ? entry.Description : null;
        return description is not null;
    }

    /// <summary>Opens the lowest free number.</summary>
    public int Add(HostDescription description, bool closeOnExec, int lowest = 0)
    {
        int number = lowest;
        while (_open.ContainsKey(number))
        {
            number++;
        }

        Set(number, description, closeOnExec);
        return number;
    }

    public void Set(int number, HostDescription description, bool closeOnExec)
    {
        description.Hold();
        Close(number);
        _open.Add(number, new Entry(description, closeOnExec));
    }

    public long Close(int number)
    {
        if (!_open.Remove(number, out Entry entry))
        {
            return -Errno.EBADF;
        }

        entry.Description.Release();
        return 0;
    }

    public bool ClosesOnExec(int number) => _open[number].CloseOnExec;

    public void SetCloseOnExec(int number, bool value) => _open[number] = _open[number] with { CloseOnExec = value };

    public void CloseForExec() => CloseAll(_open.Where(o => o.Value.CloseOnExec));

    public void CloseAll() => CloseAll(_open);

    public DescriptorTable Copy()
    {
        var copy = new DescriptorTable();
        foreach ((int number, Entry entry) in _open)
        {
            copy.Set(number, entry.Description, entry.CloseOnExec);
        }

        return copy;
    }

    private void CloseAll(IEnumerable<KeyValuePair<int, Entry>> some)
    {
        foreach (int number in some.Select(o => o.Key).ToArray())
        {
            Close(number);
        }
    }

    private readonly record struct Entry(HostDescription Description, bool CloseOnExec);
}
