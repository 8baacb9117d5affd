// What happens between two products, row by row. Memory is far away: as much as fits is asked for before any is used.

// Of a tile; whole fours, so that everything behind them lies on whole fours too.
constexpr int TOKENS = (SEQUENCES * POSITIONS + 3) / 4 * 4, PATTERN = TOKENS * HEADS * POSITIONS;
// Rows of a product that are worth a choice of its tiles.
constexpr int AT_MOST = TOKENS < LARGEST ? TOKENS : LARGEST;
constexpr int V = padded(VOCABULARY), D = padded(WIDTH), HIDDEN_PAD = padded(HIDDEN);

// Adds up over so many neighbouring lanes.
template <int LANES>
__device__ __forceinline__ float sum(float x) {
#pragma unroll
    for (int across = LANES / 2; across; across /= 2) x += __shfl_xor_sync(~0u, x, across);
    return x;
}

// Sums one number of each thread in a fixed order; every thread gets the sum.
__device__ double total(double x) {
    __shared__ double parts[WARPS];
#pragma unroll
    for (int across = 16; across; across /= 2) x += __shfl_xor_sync(~0u, x, across);
    __syncthreads();
    if (lane() == 0) parts[warp()] = x;
    __syncthreads();
    x = 0;
    for (int i = 0; i < WARPS; i++) x += parts[i];
    return x;
}

// Moves so many fours.
template <class Read, class Write>
__device__ __forceinline__ void fours(int count, const Read& read, const Write& write) {
    constexpr int AT_ONCE = 4;
    for (int base = thread(); base < count; base += AT_ONCE * THREADS) {
        float4 x[AT_ONCE];
#pragma unroll
        for (int u = 0; u < AT_ONCE; u++)
            if (base + u * THREADS < count) x[u] = read(base + u * THREADS);
#pragma unroll
        for (int u = 0; u < AT_ONCE; u++)
            if (base + u * THREADS < count) write(base + u * THREADS, x[u]);
    }
}

// Rows as a warp reads them: some lanes take a row, a few fours each, and a few rows are under way at once.
template <int COLUMNS>
struct Lines {
    static constexpr int lanes() {
        int lanes = 1;
        while (lanes < 32 && lanes * 4 < COLUMNS) lanes *= 2;
        return lanes;
    }
    static constexpr int LANES = lanes(), EACH = (COLUMNS + 4 * LANES - 1) / (4 * LANES);
    static constexpr int SLOTS = EACH == 1 ? 4 : EACH == 2 ? 2 : 1, SIDE_BY_SIDE = 32 / LANES, ROWS = SLOTS * SIDE_BY_SIDE;

    static __device__ __forceinline__ int row(int base, int slot) { return base + slot * SIDE_BY_SIDE + lane() / LANES; }
    static __device__ __forceinline__ int column(int i) { return (i * LANES + lane() % LANES) * 4; }

    float x[EACH][4];
    __device__ __forceinline__ void read(const float* from) {
#pragma unroll
        for (int i = 0; i < EACH; i++) {
            const float4 four = column(i) < COLUMNS ? load(from + column(i)) : zero();
            x[i][0] = four.x, x[i][1] = four.y, x[i][2] = four.z, x[i][3] = four.w;
        }
    }
    __device__ __forceinline__ void write(float* to) const {
#pragma unroll
        for (int i = 0; i < EACH; i++)
            if (column(i) < COLUMNS) store(to + column(i), make_float4(x[i][0], x[i][1], x[i][2], x[i][3]));
    }
    // For each number and its column.
    template <class Each>
    __device__ __forceinline__ void each(const Each& then) {
#pragma unroll
        for (int i = 0; i < EACH; i++)
#pragma unroll
            for (int e = 0; e < 4; e++) then(x[i][e], i, e, column(i) + e);
    }
};
using Stream = Lines<D>;

// Weight and bias of a LayerNorm, and what it keeps of its rows: mean, one over the scale, and what it gives.
struct Normal {
    const float *weight, *bias;
    float *mean, *inverse;
    Rows y;
};

// Normalizes rows.
__device__ __noinline__ void normalize(Rows x, int rows, const Normal& normal) {
    Stream weight, bias;
    weight.read(normal.weight);
    bias.read(normal.bias);
    for (int base = warp() * Stream::ROWS; base < rows; base += WARPS * Stream::ROWS) {
        Stream lines[Stream::SLOTS];
#pragma unroll
        for (int s = 0; s < Stream::SLOTS; s++) lines[s].read(x(min(Stream::row(base, s), rows - 1)));
#pragma unroll
        for (int s = 0; s < Stream::SLOTS; s++) {
            float all = 0, squares = 0;
            lines[s].each([&](float x, int, int, int) { all += x; });
            const float m = sum<Stream::LANES>(all) / WIDTH;
            lines[s].each([&](float x, int, int, int column) { squares += column < WIDTH ? (x - m) * (x - m) : 0; });
            squares = sum<Stream::LANES>(squares);
            const float inverse = 1 / sqrtf(squares / WIDTH + EPS);
            lines[s].each([&](float& x, int i, int e, int) { x = (x - m) * inverse * weight.x[i][e] + bias.x[i][e]; });
            const int row = Stream::row(base, s);
            if (row >= rows) continue;
            lines[s].write(normal.y(row));
            if (lane() % Stream::LANES == 0) normal.mean[row] = m, normal.inverse[row] = inverse;
        }
    }
}

// Adds the gradient of rows that were normalized to `dx`, or writes it where that is fresh, and those of weight and bias.
__device__ __noinline__ void normalize_back(Rows dy, Rows x, const Normal& of, int rows, Rows dx, bool fresh, float* d_weight, float* d_bias, bool first) {
    Stream weight, of_weight, of_bias;
    weight.read(of.weight);
    of_weight.each([](float& x, int, int, int) { x = 0; });
    of_bias = of_weight;
    for (int base = warp() * Stream::ROWS; base < rows; base += WARPS * Stream::ROWS) {
        Stream normal[Stream::SLOTS], d[Stream::SLOTS], to[Stream::SLOTS];
        float inverse[Stream::SLOTS], mean[Stream::SLOTS];
#pragma unroll
        for (int s = 0; s < Stream::SLOTS; s++) {
            const int row = min(Stream::row(base, s), rows - 1);
            normal[s].read(x(row));
            d[s].read(dy(row));
            if (fresh) to[s].each([](float& x, int, int, int) { x = 0; });
            else to[s].read(dx(row));
            mean[s] = of.mean[row];
            inverse[s] = of.inverse[row];
        }
#pragma unroll
        for (int s = 0; s < Stream::SLOTS; s++) {
            const bool real = Stream::row(base, s) < rows;
            float all = 0, along = 0;
            d[s].each([&](float& d, int i, int e, int column) {
                float& x = normal[s].x[i][e];
                x = column < WIDTH ? (x - mean[s]) * inverse[s] : 0;
                if (real) {
                    of_weight.x[i][e] += d * x;
                    of_bias.x[i][e] += d;
                }
                d *= weight.x[i][e];
                all += d;
                along += d * x;
            });
            all = sum<Stream::LANES>(all) / WIDTH;
            along = sum<Stream::LANES>(along) / WIDTH;
            to[s].each([&](float& to, int i, int e, int column) {
                if (column < WIDTH) to += inverse[s] * (d[s].x[i][e] - all - normal[s].x[i][e] * along);
            });
            if (real) to[s].write(dx(Stream::row(base, s)));
        }
    }
    // Over the rows that lie side by side in a warp, then over the warps, in order.
    float* parts = shared();
#pragma unroll
    for (int i = 0; i < Stream::EACH; i++) {
        __syncthreads();
#pragma unroll
        for (int e = 0; e < 4; e++) {
            float a = of_weight.x[i][e], b = of_bias.x[i][e];
#pragma unroll
            for (int across = Stream::LANES; across < 32; across *= 2) {
                a += __shfl_xor_sync(~0u, a, across);
                b += __shfl_xor_sync(~0u, b, across);
            }
            float* to = parts + warp() * 256 + lane() % Stream::LANES * 4 + e;
            to[0] = a;
            to[128] = b;
        }
        __syncthreads();
        const int within = thread() % 128, column = i * Stream::LANES * 4 + within;
        if (within >= Stream::LANES * 4 || column >= WIDTH) continue;
        float all = 0;
        for (int w = 0; w < WARPS; w++) all += parts[w * 256 + thread()];
        float* to = (thread() < 128 ? d_weight : d_bias) + column;
        *to = first ? all : *to + all;
    }
    __syncthreads();
}

// The nonlinearity, and its slope.
__device__ __forceinline__ void activate(float x, float& y, float& slope) {
    if (ACT == RELU) {
        y = x > 0 ? x : 0;
        slope = x > 0 ? 1 : 0;
    } else if (ACT == GELU_NEW) {
        // x sigma(2u) with u = sqrt(2/pi) (x + 0.044715 x^3).
        constexpr float C = 2 * 0.7978845608f;
        const float square = x * x, below = expf(-C * x * (1 + 0.044715f * square)), gate = inverse(1 + below);
        y = x * gate;
        // Far below zero `below` is infinite, and the slope 0.
        slope = gate > 0 ? gate + x * gate * (below * gate) * (C * (1 + 3 * 0.044715f * square)) : 0;
    } else {
        const float below = 0.5f * erfcf(-x * 0.70710678f);
        y = x * below;
        slope = below + x * expf(-0.5f * x * x) * 0.39894228f;
    }
}

// Writes the nonlinearity of hidden rows into `post`, and its slope in their place; 0 in the padding.
__device__ __noinline__ void activate(float* pre, float* post, int rows) {
    fours(rows * (HIDDEN_PAD / 4), [&](int i) { return load(pre + 4 * i); }, [&](int i, float4 x) {
        float4 y, slope;
        activate(x.x, y.x, slope.x);
        activate(x.y, y.y, slope.y);
        activate(x.z, y.z, slope.z);
        activate(x.w, y.w, slope.w);
        const int left = HIDDEN - i % (HIDDEN_PAD / 4) * 4;
        if (left < 4) slope = make_float4(left > 0 ? slope.x : 0, left > 1 ? slope.y : 0, left > 2 ? slope.z : 0, 0);
        store(post + 4 * i, y);
        store(pre + 4 * i, slope);
    });
}

// Turns logits into gradients of the weighted loss; returns this thread's share of the loss, and gives for each row
// which token is the likeliest, of equals the least.
template <class Target, class Weight, class Predicted>
__device__ double cross_entropy(float* logits, int rows, const Target& target, const Weight& weight, const Predicted& predicted) {
    using Logits = Lines<V>;
    constexpr int LANES = Logits::LANES;
    double loss = 0;
    for (int base = warp() * Logits::ROWS; base < rows; base += WARPS * Logits::ROWS) {
        Logits lines[Logits::SLOTS];
        float of_target[Logits::SLOTS];
#pragma unroll
        for (int s = 0; s < Logits::SLOTS; s++) {
            const int row = min(Logits::row(base, s), rows - 1);
            lines[s].read(logits + row * V);
            of_target[s] = logits[row * V + target(row)];
        }
        __syncwarp();
#pragma unroll
        for (int s = 0; s < Logits::SLOTS; s++) {
            const int row = Logits::row(base, s);
            const bool real = row < rows;
            const int right = target(real ? row : rows - 1);
            const float factor = weight(real ? row : rows - 1);
            float top = LOWEST, all = 0;
            int best = V;
            lines[s].each([&](float x, int, int, int column) {
                if (column < VOCABULARY && x > top) top = x, best = column;
            });
#pragma unroll
            for (int across = LANES / 2; across; across /= 2) {
                const float other = __shfl_xor_sync(~0u, top, across);
                const int place = __shfl_xor_sync(~0u, best, across);
                if (other > top || (other == top && place < best)) top = other, best = place;
            }
            lines[s].each([&](float& x, int, int, int column) {
                x = column < VOCABULARY ? expf(x - top) : 0;
                all += x;
            });
            all = sum<LANES>(all);
            const float each = factor / all;
            lines[s].each([&](float& x, int, int, int column) { x = each * x - (column == right ? factor : 0); });
            if (!real) continue;
            lines[s].write(logits + row * V);
            if (lane() % LANES == 0) {
                loss += (double)factor * ((double)logf(all) + top - of_target[s]);
                predicted(row, best);
            }
        }
    }
    return loss;
}
