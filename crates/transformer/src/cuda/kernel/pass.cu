// Forward and backward pass of a tile of sequences, readable top to bottom.
//
// Positions meet in attention only, so behind the last one only the rows are kept that are asked for.

// Flags of a place of the table.
constexpr unsigned char SCORED = 1, ANSWER = 2;

// Rows to learn from, which lie in memory once for all models.
struct Table {
    const unsigned short* tokens; // [rows, POSITIONS + 1]
    const unsigned char* flags;   // [rows, POSITIONS]: whether the next token is scored, whether it is of the answer
    unsigned end, separator;      // a row may say the second where the first is right; above all tokens: never
};

// What a tile keeps, in numbers of the block's arena. What is read no more gives its place to gradients: `y` to those of what
// was normalized, `logits` to those of query, key and value, `z` to its own.
struct Activations {
    float stream[TOKENS * D], mean1[TOKENS], inverse1[TOKENS], y1[TOKENS * D], qkv[TOKENS * QKV], pattern[PATTERN], z[TOKENS * Z];
    float middle[TOKENS * D], mean2[TOKENS], inverse2[TOKENS], y2[TOKENS * D], slope[TOKENS * HIDDEN_PAD + 4], post[TOKENS * HIDDEN_PAD + 4];
};
struct Arena {
    Activations blocks[LAYERS + 1]; // of the last one, only the stream
    float mean[TOKENS], inverse[TOKENS], y[TOKENS * D], logits[TOKENS * (V > QKV ? V : QKV)];
    float d[TOKENS * D], d_selected[TOKENS * D];
    float d_scores[PATTERN];
};

// What all threads of a block know of its tile.
struct Tile {
    unsigned short tokens[TOKENS], targets[TOKENS], selected[TOKENS];
    unsigned short next[TOKENS]; // where the same token stands again
    unsigned char flags[TOKENS], again[TOKENS], wrong[SEQUENCES];
    int count, before[THREADS / 32];
};
__shared__ Tile seen;

// Reads some rows of the table, and lists the places that are asked for.
__device__ void read(const Table& table, const unsigned* order, int sequences) {
    const int tokens = sequences * POSITIONS;
    for (int t = thread(); t < tokens; t += THREADS) {
        const size_t row = order[t / POSITIONS];
        const int at = t % POSITIONS;
        seen.tokens[t] = table.tokens[row * (POSITIONS + 1) + at];
        seen.targets[t] = table.tokens[row * (POSITIONS + 1) + at + 1];
        seen.flags[t] = table.flags[row * POSITIONS + at];
    }
    for (int i = thread(); i < SEQUENCES; i += THREADS) seen.wrong[i] = 0;
    if (thread() == 0) seen.count = 0;
    for (int base = 0; base < tokens; base += THREADS) {
        __syncthreads();
        const int t = base + thread();
        const bool asks = t < tokens && seen.flags[t];
        const unsigned all = __ballot_sync(~0u, asks);
        if (lane() == 0) seen.before[warp()] = __popc(all);
        __syncthreads();
        int place = seen.count + __popc(all & ((1u << lane()) - 1));
        for (int w = 0; w < warp(); w++) place += seen.before[w];
        if (asks) seen.selected[place] = t;
        __syncthreads();
        if (thread() == 0)
            for (int w = 0; w < WARPS; w++) seen.count += seen.before[w];
    }
    __syncthreads();
}

// Weights, their gradient, and the memory of one block of threads at work on one model.
struct Worker {
    float* weights;
    float* gradient;
    Arena* arena;
    bool first; // nothing has been added to the gradient in this step
    bool drops;
    Dropout dropout;
    int row; // of the batch, with which the tile begins

    __device__ float* weight(int layer, int at) const { return weights + layer * BLOCK_SIZE + at; }
    __device__ float* d_weight(int layer, int at) const { return gradient + layer * BLOCK_SIZE + at; }
    template <class Norm>
    __device__ Normal normal(int layer, float* mean, float* inverse, float* y) const {
        return Normal{weight(layer, Norm::WEIGHT), weight(layer, Norm::BIAS), mean, inverse, Rows{y, D, nullptr}};
    }
    // Returns what the next product reads: the rows normalized, or as they are where there is no normalization.
    __device__ Rows normalized(Rows x, int rows, const Normal& normal) const {
        if (!NORMED) return x;
        normalize(x, rows, normal);
        __syncthreads();
        return normal.y;
    }

    // y = x W + b, and what stands in `plus`.
    template <class W>
    __device__ void linear(int layer, Rows x, int rows, Rows y, Rows plus = {}) const {
        const Rows w{weight(layer, W::AT), W::N, nullptr};
        product<LINEAR, AT_MOST, W::N>(Product{rows, W::N, W::K, x, w, weight(layer, W::BIAS), nullptr, plus, {}, y});
    }
    // dx = dy W', and what stands in `plus`, or times what stands in `times`.
    template <class W>
    __device__ void back(int layer, Rows dy, int rows, Rows dx, Rows plus = {}, Rows times = {}) const {
        const Rows w{weight(layer, W::AT), W::N, nullptr};
        product<BACK, AT_MOST, W::K>(Product{rows, W::K, W::N, dy, w, nullptr, nullptr, plus, times, dx});
    }
    // dW = x' dy, and db the sum of its rows.
    template <class W>
    __device__ void learn(int layer, Rows x, Rows dy, int rows) const {
        const Rows w{d_weight(layer, W::AT), W::N, nullptr};
        product<GRADIENT, W::K, W::N>(Product{W::K, W::N, rows, x, dy, nullptr, d_weight(layer, W::BIAS), first ? Rows{} : w, {}, w});
    }
    // Adds the gradient by a stream that a matrix reads, normalized, or writes it where `dx` is fresh.
    template <class W, class Norm>
    __device__ void back_to_stream(int layer, Rows dy, Rows x, const Normal& of, int rows, Rows dx, bool fresh = false) const {
        const Rows d_normal{arena->y, D, nullptr};
        back<W>(layer, dy, rows, NORMED ? d_normal : dx, NORMED || fresh ? Rows{} : dx);
        __syncthreads();
        if (!NORMED) return;
        normalize_back(d_normal, x, of, rows, dx, fresh, d_weight(layer, Norm::WEIGHT), d_weight(layer, Norm::BIAS), first);
    }

    __device__ void embed(float* stream, int tokens) const {
        constexpr int FOURS = D / 4;
        fours(
            tokens * FOURS,
            [&](int i) {
                const int t = i / FOURS, c = i % FOURS * 4;
                return load(weights + EMBED + seen.tokens[t] * D + c) + load(weights + PLACES + t % POSITIONS * D + c);
            },
            [&](int i, float4 x) { store(stream + 4 * i, x); });
        // Keys are made behind a barrier.
        if (DROPS && drops) leave_out(EMBEDDINGS, 0, tokens, nullptr, tokens, stream, {}, stream);
    }
    // Writes what is left of rows as wide as the stream, which are those of all tokens or of a list, and what stands in
    // `plus`.
    __device__ __noinline__ void leave_out(Site site, int layer, int tokens, const unsigned short* list, int rows, const float* from, Rows plus, float* to) const {
        constexpr int FOURS = D / 4;
        make_keys(dropout, site, layer, row, tokens);
        fours(
            rows * FOURS,
            [&](int i) {
                const int r = i / FOURS, c = i % FOURS * 4;
                const float4 kept = factors(keys[list ? list[r] : r], c) * load(from + 4 * i);
                return plus.values ? kept + load(plus(r) + c) : kept;
            },
            [&](int i, float4 x) { store(to + 4 * i, x); });
        __syncthreads();
    }
    __device__ __noinline__ void embed_back(const float* d, int tokens) const {
        // Each token is added once for all places where it stands, which are linked in a list.
        constexpr int FOURS = D / 4;
        for (int t = thread(); t < tokens; t += THREADS) seen.again[t] = 0;
        __syncthreads();
        for (int t = thread(); t < tokens; t += THREADS) {
            int next = t + 1;
            while (next < tokens && seen.tokens[next] != seen.tokens[t]) next++;
            seen.next[t] = next;
            if (next < tokens) seen.again[next] = 1;
        }
        __syncthreads();
        for (int i = thread(); i < tokens * FOURS; i += THREADS) {
            int t = i / FOURS;
            if (seen.again[t]) continue;
            float* to = gradient + EMBED + seen.tokens[t] * D + i % FOURS * 4;
            float4 all = load(to);
            for (; t < tokens; t = seen.next[t]) all = all + load(d + t * D + i % FOURS * 4);
            store(to, all);
        }
        for (int i = thread(); i < POSITIONS * D; i += THREADS) {
            float all = 0;
#pragma unroll 8
            for (int t = i / D; t < tokens; t += POSITIONS) all += d[t * D + i % D];
            float* to = gradient + PLACES + i;
            *to = first ? all : *to + all;
        }
    }

    // Computes the loss of the sequences that were read, and its gradient; `loss_weight` is the weight of a scored place. Each
    // thread returns a part of the loss.
    __device__ double pass(int sequences, float loss_weight, const Table& table, bool learns) {
        const int tokens = sequences * POSITIONS, count = seen.count;
        if (count == 0) return 0;
        Arena& a = *arena;
        embed(a.blocks[0].stream, tokens);
        __syncthreads();
#pragma unroll 1
        for (int layer = 0; layer < LAYERS; layer++) forward(layer, tokens);
        if (LAYERS == 0) gather(a.blocks[0].stream, a.d_selected, count);
        // Without blocks the rows that were gathered are read, which lie where their gradient does not.
        const Rows stream{LAYERS == 0 ? a.d_selected : a.blocks[LAYERS].stream, D, nullptr}, logits{a.logits, V, nullptr};
        const Normal last = normal<Last>(0, a.mean, a.inverse, a.y);
        const Rows u = normalized(stream, count, last);
        linear<Unembed>(0, u, count, logits);
        __syncthreads();
        const double loss = cross_entropy(
            a.logits, count, [&](int row) { return (int)seen.targets[seen.selected[row]]; },
            [&](int row) { return seen.flags[seen.selected[row]] & SCORED ? loss_weight : 0; },
            [&](int row, int best) {
                const int t = seen.selected[row], target = seen.targets[t];
                const bool right = best == target || (target == table.end && best == table.separator);
                if (!right && seen.flags[t] & ANSWER) seen.wrong[t / POSITIONS] = 1;
            });
        __syncthreads();
        if (!learns) return loss;
        const Rows d{a.d, D, nullptr};
        learn<Unembed>(0, u, logits, count);
        back_to_stream<Unembed, Last>(0, logits, stream, last, count, d, true);
        __syncthreads();
#pragma unroll 1
        for (int layer = LAYERS - 1; layer >= 0; layer--) backward(layer, tokens);
        if (LAYERS == 0) {
            copy(a.d, a.d_selected, count);
            scatter(a.d_selected, a.d, tokens, count);
        }
        if (DROPS && drops) leave_out(EMBEDDINGS, 0, tokens, nullptr, tokens, a.d, {}, a.d);
        embed_back(a.d, tokens);
        __syncthreads();
        return loss;
    }

    // Whether only some rows of the stream go on behind the attention of a layer, and which.
    __device__ bool selects(int layer, int tokens) const { return layer == LAYERS - 1 && seen.count < tokens; }
    __device__ const unsigned short* list(int layer, int tokens) const { return selects(layer, tokens) ? seen.selected : nullptr; }

    // Writes x W + b, of which dropout leaves something, and what stands in `plus`.
    template <class W>
    __device__ void add_output(Site site, int layer, int tokens, Rows x, int rows, Rows plus, float* to) const {
        if (DROPS && drops) {
            linear<W>(layer, x, rows, Rows{arena->d, D, nullptr});
            __syncthreads();
            leave_out(site, layer, tokens, list(layer, tokens), rows, arena->d, plus, to);
        } else {
            linear<W>(layer, x, rows, Rows{to, D, nullptr}, plus);
            __syncthreads();
        }
    }
    // Returns the gradient of what dropout left something of.
    __device__ Rows dropped_out(Site site, int layer, int tokens, int rows, Rows d) const {
        if (!(DROPS && drops)) return d;
        leave_out(site, layer, tokens, list(layer, tokens), rows, d.values, {}, arena->y);
        return Rows{arena->y, D, nullptr};
    }

    __device__ void forward(int layer, int tokens) const {
        Activations &b = arena->blocks[layer], &next = arena->blocks[layer + 1];
        const int rows = selects(layer, tokens) ? seen.count : tokens;
        const Rows stream{b.stream, D, nullptr}, middle{b.middle, D, nullptr};
        linear<Attend>(layer, normalized(stream, tokens, normal<Norm1>(layer, b.mean1, b.inverse1, b.y1)), tokens, Rows{b.qkv, QKV, nullptr});
        __syncthreads();
        attend(b.qkv, tokens, b.pattern, b.z);
        __syncthreads();
        const Rows kept{b.stream, D, list(layer, tokens)};
        add_output<Out>(ATTENTION_OUT, layer, tokens, Rows{b.z, Z, list(layer, tokens)}, rows, kept, HIDDEN ? b.middle : next.stream);
        if constexpr (HIDDEN > 0) {
            linear<Into>(layer, normalized(middle, rows, normal<Norm2>(layer, b.mean2, b.inverse2, b.y2)), rows, Rows{b.slope, HIDDEN_PAD, nullptr});
            __syncthreads();
            activate(b.slope, b.post, rows);
            __syncthreads();
            add_output<Back>(MLP_OUT, layer, tokens, Rows{b.post, HIDDEN_PAD, nullptr}, rows, middle, next.stream);
        }
    }

    __device__ void backward(int layer, int tokens) const {
        Arena& a = *arena;
        Activations& b = a.blocks[layer];
        const int rows = selects(layer, tokens) ? seen.count : tokens;
        const Rows stream{b.stream, D, nullptr}, middle{b.middle, D, nullptr}, d{a.d, D, nullptr};
        if constexpr (HIDDEN > 0) {
            const Rows d_hidden{b.slope, HIDDEN_PAD, nullptr};
            const Rows d_out = dropped_out(MLP_OUT, layer, tokens, rows, d);
            learn<Back>(layer, Rows{b.post, HIDDEN_PAD, nullptr}, d_out, rows);
            back<Back>(layer, d_out, rows, d_hidden, {}, d_hidden);
            __syncthreads();
            const Normal of = normal<Norm2>(layer, b.mean2, b.inverse2, b.y2);
            learn<Into>(layer, NORMED ? of.y : middle, d_hidden, rows);
            back_to_stream<Into, Norm2>(layer, d_hidden, middle, of, rows, d);
            __syncthreads();
        }
        const Rows d_out = dropped_out(ATTENTION_OUT, layer, tokens, rows, d);
        learn<Out>(layer, Rows{b.z, Z, list(layer, tokens)}, d_out, rows);
        if (selects(layer, tokens)) {
            fours(tokens * (Z / 4), [](int) { return zero(); }, [&](int i, float4 x) { store(b.z + 4 * i, x); });
            copy(a.d, a.d_selected, rows);
        }
        back<Out>(layer, d_out, rows, Rows{b.z, Z, list(layer, tokens)});
        __syncthreads();
        if (selects(layer, tokens)) scatter(a.d_selected, a.d, tokens, rows);
        attend_back(b.qkv, tokens, b.pattern, a.d_scores, b.z, a.logits);
        __syncthreads();
        const Rows d_qkv{a.logits, QKV, nullptr};
        const Normal of = normal<Norm1>(layer, b.mean1, b.inverse1, b.y1);
        learn<Attend>(layer, NORMED ? of.y : stream, d_qkv, tokens);
        back_to_stream<Attend, Norm1>(layer, d_qkv, stream, of, tokens, d);
        __syncthreads();
    }

    __device__ void copy(const float* from, float* to, int rows) const {
        fours(rows * (D / 4), [&](int i) { return load(from + 4 * i); }, [&](int i, float4 x) { store(to + 4 * i, x); });
        __syncthreads();
    }
    // Copies the rows that are asked for.
    __device__ void gather(const float* from, float* to, int count) const {
        constexpr int FOURS = D / 4;
        fours(
            count * FOURS, [&](int i) { return load(from + seen.selected[i / FOURS] * D + i % FOURS * 4); },
            [&](int i, float4 x) { store(to + 4 * i, x); });
        __syncthreads();
    }
    // Puts the rows that are asked for back to their places; the others are 0.
    __device__ void scatter(const float* from, float* to, int tokens, int count) const {
        constexpr int FOURS = D / 4;
        fours(tokens * FOURS, [](int) { return zero(); }, [&](int i, float4 x) { store(to + 4 * i, x); });
        __syncthreads();
        fours(
            count * FOURS, [&](int i) { return load(from + 4 * i); },
            [&](int i, float4 x) { store(to + seen.selected[i / FOURS] * D + i % FOURS * 4, x); });
        __syncthreads();
    }
};
