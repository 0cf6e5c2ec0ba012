Console.WriteLine("fastmmu");
