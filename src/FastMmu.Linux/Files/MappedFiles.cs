namespace FastMmu.Linux.Files;

/// <summary>The open file descriptions that areas map, by the numbers that areas hold.</summary>
public sealed class MappedFiles
{
    private readonly Stack<int> _free = new();
    private OpenFile?[] _files = new OpenFile?[16];
    private int _end = 1;

    /// <summary>A description.</summary>
    /// <param name="id">The number that an area holds.</param>
    public OpenFile this[int id] => _files[id] ?? throw new ArgumentOutOfRangeException(nameof(id), "No area maps this file.");

    /// <summary>Counts one more area on a description.</summary>
    /// <returns>Its number.</returns>
    public int Attach(OpenFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (file.Mappings == 0)
        {
            if (!_free.TryPop(out int id))
            {
                id = _end++;
                if (id == _files.Length)
                {
                    Array.Resize(ref _files, id * 2);
                }
            }

            _files[id] = file;
            file.Id = id;
        }

        file.CountMappings(1);
        return file.Id;
    }

    /// <summary>Counts one more area on a description that areas map already.</summary>
    internal void Attach(int id)
    {
        if (id != 0)
        {
            this[id].CountMappings(1);
        }
    }

    /// <summary>Counts one area less.</summary>
    internal void Detach(int id)
    {
        if (id == 0)
        {
            return;
        }

        OpenFile file = this[id];
        if (file.Mappings == 1)
        {
            _files[id] = null;
            file.Id = 0;
            _free.Push(id);
        }

        file.CountMappings(-1);
    }
}
