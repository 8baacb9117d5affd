// Many models of one shape learn side by side: a team of blocks has a model, and goes step after step without the host.

// One update by AdamW or Adam; what follows from the decay rates is computed in f64 by the host.
struct Update {
    float mean_rate, square_kept, square_rate, kept, l2, rate, root, eps, scale, clip;
    unsigned step; // the how-manieth of the model
};

// What a model says to a batch.
struct Output {
    double loss;
    float gradient_norm, weight_norm;
    int right, done; // whether the weights were updated
};

struct Job {
    Table table;
    const unsigned* order; // rows, [steps, models, batch]
    const float* loss_weights;   // one over the scored places, [steps, models]
    const Update* updates; // [steps]; none: nothing is learned
    const unsigned long long* streams; // of dropout, [models]
    const unsigned char* kinds; // of each 16 numbers of a slab: 0 fixed, 1 learned, 2 learned and decaying
    float *weights, *mean, *square; // [models, SLAB]
    float* gradients;               // [models, team, SLAB]
    Arena* arenas;                  // [models, team]
    double* parts;                  // [models, team, 4]
    Output* outputs;                     // [steps, models]
    unsigned* arrived;              // [models]
    int *stopped;                   // [models]
    int steps, models, batch, team;
};

// Waits for all blocks of a team; what they wrote before is seen behind it.
__device__ void meet(const Job& job, int model, unsigned& meetings) {
    __syncthreads();
    if (job.team > 1) {
        meetings++;
        if (thread() == 0) {
            __threadfence();
            atomicAdd(job.arrived + model, 1u);
            while (arrived(job.arrived + model) < meetings * job.team) {
            }
            __threadfence();
        }
        __syncthreads();
    }
}

// Gives each block of a team its part of a slab, four numbers at a time.
template <class Each>
__device__ void part_of(int block, int team, const Each& each) {
    for (int i = (block * THREADS + thread()) * 4; i < SLAB; i += team * THREADS * 4) each(i);
}

__device__ __forceinline__ void adam(const Update& u, float scale, int kind, float& w, float& m, float& v, float g) {
    const float l2 = kind == 2 ? u.l2 : 0, kept = kind == 2 ? u.kept : 1;
    g = g * scale + l2 * w;
    m += u.mean_rate * (g - m);
    v = u.square_kept * v + u.square_rate * g * g;
    w = w * kept - u.rate * m / (sqrtf(v) * u.root + u.eps);
}

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS_PER_PROCESSOR) train(Job job) {
    const int model = blockIdx.x / job.team, block = blockIdx.x % job.team;
    float *weights = job.weights + (size_t)model * SLAB, *mean = job.mean + (size_t)model * SLAB, *square = job.square + (size_t)model * SLAB;
    float *gradients = job.gradients + (size_t)model * job.team * SLAB, *gradient = gradients + (size_t)block * SLAB;
    double *parts = job.parts + (size_t)model * job.team * 4, *part = parts + block * 4;
    Worker worker{weights, gradient, job.arenas + blockIdx.x, true, job.updates != nullptr, {job.streams[model], 0}, 0};
    unsigned meetings = 0;
    for (int step = 0; step < job.steps; step++) {
        if (job.stopped[model]) break; // set for a whole team, before it met
        const unsigned* order = job.order + ((size_t)step * job.models + model) * job.batch;
        const float loss_weight = job.loss_weights[(size_t)step * job.models + model];
        if (job.updates)
            fours(VOCABULARY * (D / 4), [](int) { return zero(); }, [&](int i, float4 x) { store(gradient + EMBED + 4 * i, x); });
        double loss = 0;
        int right = 0;
        worker.first = true;
        if (job.updates) worker.dropout.step = job.updates[step].step;
        for (int from = block * SEQUENCES; from < job.batch; from += job.team * SEQUENCES) {
            const int sequences = min(SEQUENCES, job.batch - from);
            read(job.table, order + from, sequences);
            worker.row = from;
            loss += worker.pass(sequences, loss_weight, job.table, job.updates != nullptr);
            if (seen.count) worker.first = false;
            __syncthreads();
            for (int i = 0; i < sequences; i++) right += seen.wrong[i] == 0;
            __syncthreads();
        }
        loss = total(loss);
        if (thread() == 0) part[0] = loss, part[1] = right;
        if (!job.updates) {
            meet(job, model, meetings);
            if (block == 0 && thread() == 0) {
                double all = 0, rights = 0;
                for (int b = 0; b < job.team; b++) all += parts[b * 4], rights += parts[b * 4 + 1];
                job.outputs[(size_t)step * job.models + model] = Output{all, 0, 0, (int)rights, 0};
            }
            meet(job, model, meetings);
            continue;
        }
        // A block that was asked nothing has left what the last step wrote.
        if (worker.first) part_of(0, 1, [&](int i) { store(gradient + i, zero()); });
        meet(job, model, meetings);

        double squares = 0;
        part_of(block, job.team, [&](int i) {
            float4 g = zero();
            if (job.kinds[i / 16])
                for (int b = 0; b < job.team; b++) g = g + load(gradients + (size_t)b * SLAB + i);
            store(gradients + i, g);
            squares += (double)g.x * g.x + (double)g.y * g.y + (double)g.z * g.z + (double)g.w * g.w;
        });
        squares = total(squares);
        if (thread() == 0) part[2] = squares;
        meet(job, model, meetings);

        double all = 0, rights = 0;
        squares = 0;
        for (int b = 0; b < job.team; b++) all += parts[b * 4], rights += parts[b * 4 + 1], squares += parts[b * 4 + 2];
        const double norm = sqrt(squares);
        const bool fine = isfinite(all) && isfinite(norm);
        const Update u = job.updates[step];
        const float scale = u.clip > 0 ? fmin(1.0, u.clip / (norm + 1e-6)) * u.scale : u.scale;
        double weight = 0;
        if (fine)
            part_of(block, job.team, [&](int i) {
                const int kind = job.kinds[i / 16];
                if (!kind) return;
                float4 w = load(weights + i), m = load(mean + i), v = load(square + i);
                const float4 g = load(gradients + i);
                adam(u, scale, kind, w.x, m.x, v.x, g.x);
                adam(u, scale, kind, w.y, m.y, v.y, g.y);
                adam(u, scale, kind, w.z, m.z, v.z, g.z);
                adam(u, scale, kind, w.w, m.w, v.w, g.w);
                store(weights + i, w);
                store(mean + i, m);
                store(square + i, v);
                weight += (double)w.x * w.x + (double)w.y * w.y + (double)w.z * w.z + (double)w.w * w.w;
            });
        weight = total(weight);
        if (thread() == 0) part[3] = weight;
        if (!fine && thread() == 0) job.stopped[model] = 1; // each block of the team says so
        meet(job, model, meetings);
        if (block == 0 && thread() == 0) {
            double weights = 0;
            for (int b = 0; b < job.team; b++) weights += parts[b * 4 + 3];
            job.outputs[(size_t)step * job.models + model] = Output{all, (float)norm, (float)sqrt(weights), (int)rights, fine};
        }
    }
}

// What the host must reserve for each block: memory, and shared memory.
extern "C" __global__ void needs(unsigned long long* bytes) {
    bytes[0] = sizeof(Arena);
    bytes[1] = SLICES * sizeof(float);
}
