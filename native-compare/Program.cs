using System.Runtime.InteropServices;
using FastMmu.NativeCompare;

const string Usage = "usage: native-compare/run.sh [--quick] [--json FILE] [--workload NAME]...";

bool quick = false;
string? json = null, library = null, kernel = null;
var only = new List<string>();
for (int i = 0; i < args.Length; i++)
{
    string? Value() => ++i < args.Length ? args[i] : null;
    switch (args[i])
    {
        case "--quick": quick = true; break;
        case "--json" when Value() is { } path: json = path; break;
        case "--library" when Value() is { } path: library = path; break;
        case "--kernel" when Value() is { } path: kernel = path; break;
        case "--workload" when Value() is { } name: only.Add(name); break;
        default:
            Console.Error.WriteLine(Usage);
            return 2;
    }
}

IReadOnlyList<(string Name, Func<Workload> Create)> workloads = Workloads.All(quick);
string[] names = [.. workloads.Select(w => w.Name), .. Costs.Names, .. MemoryCalls.Names];
if (only.Find(name => !names.Contains(name)) is { } unknown)
{
    Console.Error.WriteLine($"native-compare: no workload {unknown}; there are {string.Join(", ", names)}.");
    return 2;
}

bool hasUnicorn = NativeLibrary.TryLoad("libunicorn.so.2", out nint unicorn) && NativeLibrary.TryGetExport(unicorn, "uc_open", out _);
if (!hasUnicorn) Console.WriteLine("native-compare: no libunicorn.so.2 that is Unicorn here (Debian's libunicorn2), so unicorn is skipped.");

bool unicornWalks = true;
var results = new List<Result>();
var costs = new List<Result>();
var memoryCalls = new List<Result>();
try
{
    using NativeLibrarySides? native = library is null ? null : new(library);
    using var measurement = new Measurement(quick);
    foreach ((string name, Func<Workload> create) in workloads)
    {
        if (only.Count != 0 && !only.Contains(name)) continue;
        if (!Console.IsErrorRedirected) Console.Error.Write($"\r{name,-12}");
        using Workload workload = create();
        var sides = new List<Side> { new ScalarSide(workload.CreateMmu()), new BatchSide(workload.CreateMmu()) };
        if (native is not null) sides.AddRange(native.Create(workload));
        if (hasUnicorn && Unicorn(workload, measurement) is { } side)
        {
            sides.Add(side);
            unicornWalks &= side.WalksTables;
        }

        results.AddRange(measurement.Run(workload, sides));
        sides.ForEach(s => s.Dispose());
    }

    foreach (string name in Costs.Names)
    {
        if (only.Count != 0 && !only.Contains(name)) continue;
        if (!Console.IsErrorRedirected) Console.Error.Write($"\r{name,-12}");
        using var cost = new Costs();
        costs.AddRange(cost.Run(name, native?.Library, quick));
    }

    string[] calls = [.. MemoryCalls.Names.Where(name => only.Count == 0 || only.Contains(name))];
    if (calls.Length != 0)
    {
        using var measured = new MemoryCalls(kernel, quick);
        foreach (string name in calls)
        {
            if (!Console.IsErrorRedirected) Console.Error.Write($"\r{name,-12}");
            memoryCalls.AddRange(measured.Run(name));
        }
    }

    if (!Console.IsErrorRedirected) Console.Error.Write($"\r{"",-12}\r");
    if (json is not null) Report.WriteJson(json, [.. results, .. costs, .. memoryCalls]);
}
catch (Exception failure) when (failure is IOException or System.ComponentModel.Win32Exception or InvalidDataException or UnauthorizedAccessException or DllNotFoundException or InsufficientMemoryException)
{
    Console.Error.WriteLine($"native-compare: {failure.Message}");
    return 1;
}

if (results.Count != 0) Console.Write(Report.Table(results));
if (costs.Count != 0) Console.Write(Report.CostTable(costs, separate: results.Count != 0));
if (memoryCalls.Count != 0) Console.Write(Report.MemoryTable(memoryCalls, separate: results.Count + costs.Count != 0));
if (!unicornWalks) Console.WriteLine("This version of unicorn does not walk an x86 guest's page tables: its misses cost no walk.");
return 0;

unsafe UnicornSide? Unicorn(Workload workload, Measurement measurement) =>
    UnicornSide.Create(unicorn, workload, measurement.Linear, Measurement.BatchLength);
