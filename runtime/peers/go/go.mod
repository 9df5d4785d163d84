module c1m.example/peers

go 1.27
