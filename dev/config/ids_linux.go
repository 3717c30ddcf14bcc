package config

// foreignIDs is the value of [Machine.Foreign].
const foreignIDs = false
