using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;

// --smoke runs every benchmark once, to see that all of them work; --short takes a second for each. Everything else is BenchmarkDotNet's:
// --filter, --list, --artifacts, ...
bool smoke = args.Contains("--smoke");
bool brief = args.Contains("--short");
string[] rest = [.. args.Where(a => a is not ("--smoke" or "--short"))];
if (smoke && rest.Length == 0) rest = ["--filter", "*"];

// In process: version 0.14 knows no project to build for .NET 10.
Job length = smoke ? Job.Dry
    : brief ? Job.ShortRun.WithWarmupCount(3).WithIterationCount(7).WithIterationTime(TimeInterval.FromMilliseconds(80))
    : Job.ShortRun.WithWarmupCount(5).WithIterationCount(10);
Job job = length.WithToolchain(InProcessEmitToolchain.Instance);
IConfig config = ManualConfig.CreateEmpty()
    .AddJob(job)
    .AddColumnProvider(DefaultColumnProviders.Instance)
    .AddDiagnoser(MemoryDiagnoser.Default)
    .AddExporter(MarkdownExporter.GitHub)
    .AddLogger(ConsoleLogger.Default);

Summary[] summaries = [.. BenchmarkSwitcher.FromAssembly(typeof(FastMmu.Bench.TraceReplay).Assembly).Run(rest, config)];
int reports = summaries.Sum(s => s.Reports.Length);
int failed = summaries.Sum(s => s.Reports.Count(r => !r.Success)) + summaries.Count(s => s.HasCriticalValidationErrors);
if (smoke) Console.WriteLine($"{reports} benchmarks ran, {failed} failed");
return failed == 0 && (!smoke || reports > 0) ? 0 : 1;
