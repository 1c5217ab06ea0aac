// A cache bounded by bytes: the least recently used goes first.  What is being made is shared, not made twice.

interface Entry<T> {
  value: T;
  bytes: number;
}

export class Cache<T> {
  private readonly entries = new Map<string, Entry<T>>();
  private readonly making = new Map<string, Promise<T>>();
  private used = 0;

  constructor(
    private readonly limit: number,
    private readonly size: (value: T) => number,
  ) {}

  /** Bytes held. */
  get bytes(): number {
    return this.used;
  }

  /** What is there now; counts as a use. */
  peek(key: string): T | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry.value;
  }

  /** What is there, or what `make` makes. */
  get(key: string, make: () => Promise<T>): Promise<T> {
    const there = this.peek(key);
    if (there !== undefined) return Promise.resolve(there);
    const under = this.making.get(key);
    if (under) return under;
    const made = make()
      .then((value) => {
        this.put(key, value);
        return value;
      })
      .finally(() => this.making.delete(key));
    this.making.set(key, made);
    return made;
  }

  clear(): void {
    this.entries.clear();
    this.used = 0;
  }

  private put(key: string, value: T): void {
    const bytes = this.size(value);
    this.used += bytes - (this.entries.get(key)?.bytes ?? 0);
    this.entries.delete(key);
    this.entries.set(key, { value, bytes });
    for (const [oldest, entry] of this.entries) {
      // The newest stays even when it alone is over the limit: it is about to be shown.
      if (this.used <= this.limit || oldest === key) break;
      this.entries.delete(oldest);
      this.used -= entry.bytes;
    }
  }
}
