// Where the positions of a sequence meet: some lanes take a head at a position.

// Lanes of a head, each with a few whole fours of its numbers.
constexpr int lanes_of(int head) {
    int lanes = 1;
    while (lanes < 32 && head % (8 * lanes) == 0 && head / (2 * lanes) >= 12) lanes *= 2;
    return lanes;
}
constexpr int HEAD_PAD = padded(HEAD), LANES = lanes_of(HEAD_PAD), PART = HEAD_PAD / LANES;
constexpr int Z = HEADS * HEAD_PAD, QKV = 3 * Z;
// Other positions that are under way at once.
constexpr int AT_ONCE = 4;

struct Part {
    float4 x[PART / 4];
    __device__ __forceinline__ void read(const float* from) {
#pragma unroll
        for (int i = 0; i < PART / 4; i++) x[i] = load(from + 4 * i);
    }
    __device__ __forceinline__ void write(float* to) const {
#pragma unroll
        for (int i = 0; i < PART / 4; i++) store(to + 4 * i, x[i]);
    }
    __device__ __forceinline__ void add(float by, const Part& other) {
#pragma unroll
        for (int i = 0; i < PART / 4; i++) x[i] = x[i] + by * other.x[i];
    }
    __device__ __forceinline__ void scale(float by) {
#pragma unroll
        for (int i = 0; i < PART / 4; i++) x[i] = by * x[i];
    }
    // With the same part of another, summed over the lanes of a head.
    __device__ __forceinline__ float dot(const Part& other) const {
        float all = 0;
#pragma unroll
        for (int i = 0; i < PART / 4; i++) {
            const float4 p = x[i] * other.x[i];
            all += p.x + p.y + p.z + p.w;
        }
        return sum<LANES>(all);
    }
};
__device__ __forceinline__ Part nothing() {
    Part part;
#pragma unroll
    for (int i = 0; i < PART / 4; i++) part.x[i] = zero();
    return part;
}

// One head at one position of one sequence: what a thread works on.
struct Place {
    bool real;
    int lane, head, position, token, first; // tokens of the tile
    __device__ Place(int item, int items) {
        real = item < items;
        item = real ? item : 0; // lanes stay together
        lane = item % LANES;
        item /= LANES;
        head = item % HEADS;
        token = item / HEADS;
        position = token % POSITIONS;
        first = token - position;
    }
    __device__ float* of(float* rows, int stride, int token) const {
        return rows + token * stride + head * HEAD_PAD + lane * PART;
    }
    // Shares of a query's keys.
    __device__ float* of(float* pattern, int token) const { return pattern + (token * HEADS + head) * POSITIONS; }
    // The last key that is looked at: lanes stay together.
    __device__ int last() const { return LANES == 1 ? position : POSITIONS - 1; }
    // A token that may be looked at, this one where it is possible.
    __device__ int seen(int key) const { return first + (key <= position ? key : 0); }
};

__device__ __forceinline__ float root() { return 1 / sqrtf((float)HEAD); }

// Writes the heads' outputs and the weights of the keys.
__device__ __noinline__ void attend(float* qkv, int tokens, float* pattern, float* z) {
    const int items = tokens * HEADS * LANES;
    for (int base = 0; base < items; base += THREADS) {
        const Place at(base + thread(), items);
        float* weight = at.of(pattern, at.token);
        Part q, out = nothing();
        q.read(at.of(qkv, QKV, at.token));
        float top = LOWEST, all = 0;
        for (int from = 0; from <= at.last(); from += AT_ONCE) {
            float x[AT_ONCE], high = top;
            Part other[AT_ONCE];
#pragma unroll
            for (int c = 0; c < AT_ONCE; c++) other[c].read(at.of(qkv + Z, QKV, at.seen(from + c)));
#pragma unroll
            for (int c = 0; c < AT_ONCE; c++) {
                x[c] = q.dot(other[c]) * root();
                if (from + c > at.position) x[c] = LOWEST;
                high = fmaxf(high, x[c]);
            }
#pragma unroll
            for (int c = 0; c < AT_ONCE; c++) other[c].read(at.of(qkv + 2 * Z, QKV, at.seen(from + c)));
            const float kept = expf(top - high);
            top = high;
            all *= kept;
            out.scale(kept);
#pragma unroll
            for (int c = 0; c < AT_ONCE; c++) {
                const float e = from + c <= at.position ? expf(x[c] - top) : 0;
                all += e;
                out.add(e, other[c]);
            }
#pragma unroll
            for (int c = 0; c < AT_ONCE; c++)
                if (at.real && from + c <= at.position && (from + c) % LANES == at.lane) weight[from + c] = x[c];
        }
        if (!at.real) continue;
        out.scale(1 / all);
        out.write(at.of(z, Z, at.token));
#pragma unroll 4
        for (int key = at.lane; key <= at.position; key += LANES) weight[key] = expf(weight[key] - top) / all;
    }
}

// Writes the gradients of query, key and value.
__device__ __noinline__ void attend_back(float* qkv, int tokens, float* pattern, float* d_scores, float* d_z, float* d_qkv) {
    const int items = tokens * HEADS * LANES;
    for (int base = 0; base < items; base += THREADS) {
        const Place at(base + thread(), items);
        float *weight = at.of(pattern, at.token), *d_score = at.of(d_scores, at.token), mean = 0;
        Part d, d_q = nothing();
        d.read(at.of(d_z, Z, at.token));
        for (int from = 0; from <= at.last(); from += AT_ONCE) {
            float x[AT_ONCE], p[AT_ONCE];
            Part other[AT_ONCE];
#pragma unroll
            for (int c = 0; c < AT_ONCE; c++) {
                other[c].read(at.of(qkv + 2 * Z, QKV, at.seen(from + c)));
                p[c] = from + c <= at.position ? weight[from + c] : 0;
            }
#pragma unroll
            for (int c = 0; c < AT_ONCE; c++) mean += p[c] * (x[c] = d.dot(other[c]));
#pragma unroll
            for (int c = 0; c < AT_ONCE; c++)
                if (at.real && from + c <= at.position && (from + c) % LANES == at.lane) d_score[from + c] = x[c];
        }
        __syncwarp();
        for (int from = 0; from <= at.position; from += AT_ONCE) {
            float x[AT_ONCE];
            Part other[AT_ONCE];
#pragma unroll
            for (int c = 0; c < AT_ONCE; c++) {
                other[c].read(at.of(qkv + Z, QKV, at.seen(from + c)));
                x[c] = from + c <= at.position ? weight[from + c] * (d_score[from + c] - mean) : 0;
            }
#pragma unroll
            for (int c = 0; c < AT_ONCE; c++) d_q.add(root() * x[c], other[c]);
        }
        __syncwarp();
        if (!at.real) continue;
        d_q.write(at.of(d_qkv, QKV, at.token));
#pragma unroll 4
        for (int key = at.lane; key <= at.position; key += LANES) d_score[key] = root() * weight[key] * (d_score[key] - mean);
    }
    __syncthreads();
    for (int item = thread(); item < items; item += THREADS) {
        const Place at(item, items);
        Part d_k = nothing(), d_v = nothing();
        const int end = at.first + POSITIONS;
        for (int from = at.token; from < end; from += AT_ONCE) {
            float d_score[AT_ONCE], weight[AT_ONCE];
            Part q[AT_ONCE], d[AT_ONCE];
#pragma unroll
            for (int c = 0; c < AT_ONCE; c++) {
                const int token = min(from + c, end - 1);
                q[c].read(at.of(qkv, QKV, token));
                d[c].read(at.of(d_z, Z, token));
                d_score[c] = from + c < end ? at.of(d_scores, token)[at.position] : 0;
                weight[c] = from + c < end ? at.of(pattern, token)[at.position] : 0;
            }
#pragma unroll
            for (int c = 0; c < AT_ONCE; c++) {
                d_k.add(d_score[c], q[c]);
                d_v.add(weight[c], d[c]);
            }
        }
        d_k.write(at.of(d_qkv + Z, QKV, at.token));
        d_v.write(at.of(d_qkv + 2 * Z, QKV, at.token));
    }
}
