"""How a posterior is computed: Laplace, NUTS in processes of its own, what is kept on disk."""
